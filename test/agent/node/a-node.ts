import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type MacNode, type NodeOptions, openNode } from "../../../agent/node/node.ts";
import { openPlatform } from "../../../agent/host/open.ts";
import type { WeightsOnDisk } from "../../../agent/node/weights.ts";
import { type KubeAccess, openKubeAccess } from "../../../kube/open-client.ts";
import { GIB } from "./facts.ts";

/** An agent's half that is a Node, in this process, with a folder of its own. */
export interface RunningNode {
  readonly node: MacNode;
  readonly access: KubeAccess;
  readonly stateDirectory: string;
  /** Sentences with which another agent's claim on the name was told. */
  readonly taken: readonly string[];
  readonly said: readonly string[];
  readonly unanswered: () => number;
  onDisk: WeightsOnDisk[];
  trouble: string | undefined;
  serverBuild: string;
  /** As a person ends the agent with its servers; else as a crash does. */
  end(how: "told" | "crash"): Promise<void>;
}

export interface RunningOptions extends Partial<Pick<NodeOptions, "wall" | "clock" | "memoryBytes" | "standIn">> {
  readonly stateDirectory?: string;
}

const folders: string[] = [];

export async function removeFolders(): Promise<void> {
  await Promise.all(folders.splice(0).map((folder) => rm(folder, { recursive: true, force: true })));
}

export async function runNode(kubeconfig: string, name: string, options: RunningOptions = {}): Promise<RunningNode> {
  const folder = await mkdtemp(join(tmpdir(), "node-"));
  folders.push(folder);
  const stateDirectory = options.stateDirectory ?? join(folder, "state");
  const modelsFolder = join(folder, "models");
  await Promise.all([stateDirectory, modelsFolder].map((path) => mkdir(path, { recursive: true })));
  const access = await openKubeAccess({ kubeconfig });
  if (!access.ok) throw new Error(access.error);
  const platform = await openPlatform();
  if (!platform.ok) throw new Error(platform.error);
  const client = access.value.client();
  const [stop, over] = [new AbortController(), new AbortController()];
  const taken: string[] = [];
  const said: string[] = [];
  let unanswered = 0;
  const changing = { onDisk: [] as WeightsOnDisk[], trouble: undefined as string | undefined, serverBuild: "b1" };
  const opened = await openNode({
    ...{ access: access.value, client, kubeconfig, name, stateDirectory, modelsFolder, platform: platform.value },
    ...{ memoryBytes: 36 * GIB, allocatableBytes: 24 * GIB, standIn: true },
    kubeletPort: () => 40_123,
    serverBuild: () => changing.serverBuild,
    weightsOnDisk: () => changing.onDisk,
    healthy: () => changing.trouble,
    stop: stop.signal,
    unanswered: () => {
      unanswered += 1;
    },
    taken: (sentence) => taken.push(sentence),
    say: (message) => said.push(message),
    ...options,
  });
  if (!opened.ok) throw new Error(opened.error);
  const running = Promise.all(opened.value.runnables.map((one) => one.run(over.signal)));
  return Object.assign(changing, {
    ...{ node: opened.value, access: access.value, stateDirectory, taken, said },
    unanswered: () => unanswered,
    end: async (how: "told" | "crash") => {
      if (how === "told") stop.abort();
      over.abort();
      await running;
      await client.close();
    },
  });
}
