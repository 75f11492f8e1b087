import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import getPort from "get-port";
import { signalGroup } from "../agent/host/signal-group.ts";
import { recordsFolder } from "../agent/state/layout.ts";
import type { WorkloadStatus } from "../agent/status/status.ts";
import { readStatus } from "../agent/status/status-file.ts";
import { startAgent } from "../examples/demo/agent-process.ts";
import type { Scene } from "./step.ts";

/** An agent as it is shipped, with folders of its own, and one model. */
export interface Site {
  readonly manifests: string;
  readonly state: string;
  readonly models: string;
  readonly port: number;
  /** Starts the agent, or the next one. */
  readonly start: () => ChildProcess;
  /** Writes the manifests of the model `default/proof`. `budget`: a quantity. */
  readonly write: (settings: { readonly budget: string; readonly source?: string }) => Promise<void>;
  /** The status of the model once `holds` is true. Throws with the last status after two minutes. */
  readonly reaches: (holds: (workload: WorkloadStatus) => boolean) => Promise<WorkloadStatus>;
}

const PATIENCE_MS = 120_000;
const END_MS = 30_000;
/** Of the model `default/proof`, in tokens. */
export const CONTEXT_SIZE = 4096;
/** Of a log that is longer the end is kept. */
const MOST_LOGGED = 2 ** 18;

/** Every agent and server of the site is ended when the step has ended, also one that is stopped by SIGSTOP. */
export async function openSite(scene: Scene, llamaServer: string): Promise<Site> {
  const [manifests, state, models] = ["manifests", "state", "models"].map((name) => join(scene.folder, name)) as [
    string,
    string,
    string,
  ];
  await mkdir(manifests);
  const port = await getPort();
  const agents: ChildProcess[] = [];
  const lines: string[] = [];
  scene.undoLater(async () => {
    for (const agent of agents) await endAgent(agent);
    await endServers(state);
    scene.keep("agent.log.txt", lines.map((line) => `${line}\n`).join(""));
    await keepLogs(scene, join(state, "logs"));
  });
  const onLine = (line: string) => lines.push(line);
  const weights = await scene.weights();
  return {
    ...{ manifests, state, models, port },
    start: () => {
      const agent = startAgent({ manifests, state, models, llamaServer, onLine });
      agents.push(agent);
      return agent;
    },
    write: async ({ budget, source = weights }) => {
      const text = manifestsOf({ budget, source, port });
      await writeFile(join(manifests, "proof.yaml"), text);
    },
    reaches: (holds) => reaches(state, holds, scene.signal),
  };
}

/** JSON is YAML. */
function manifestsOf(model: { readonly budget: string; readonly source: string; readonly port: number }): string {
  const apiVersion = "inference.llmkube.dev/v1alpha1";
  const metadata = { name: "proof" };
  const hardware = { accelerator: "metal", memoryBudget: model.budget };
  const served = { modelRef: "proof", contextSize: CONTEXT_SIZE, endpoint: { port: model.port } };
  const documents = [
    { apiVersion, kind: "Model", metadata, spec: { source: model.source, hardware } },
    { apiVersion, kind: "InferenceService", metadata, spec: served },
  ];
  return documents.map((document) => JSON.stringify(document)).join("\n---\n");
}

async function reaches(
  state: string,
  holds: (workload: WorkloadStatus) => boolean,
  signal: AbortSignal,
): Promise<WorkloadStatus> {
  for (const deadline = Date.now() + PATIENCE_MS; ; await sleep(100, undefined, { signal })) {
    const status = await readStatus(state);
    const workload = status.ok ? status.value.workloads[0] : undefined;
    if (workload !== undefined && holds(workload)) return workload;
    if (Date.now() < deadline) continue;
    const last = status.ok ? JSON.stringify(workload) : status.error;
    throw new Error(`the model did not get there within ${PATIENCE_MS / 1000} s; its last status: ${last}`);
  }
}

/** As a person ends it: that ends its servers, too. One that does not end is killed. */
export async function endAgent(agent: ChildProcess): Promise<void> {
  if (hasEnded(agent)) return;
  const ended = once(agent, "exit");
  agent.kill("SIGCONT");
  agent.kill("SIGINT");
  const killing = setTimeout(() => agent.kill("SIGKILL"), END_MS);
  await ended;
  clearTimeout(killing);
}

export async function killAgent(agent: ChildProcess): Promise<void> {
  if (hasEnded(agent)) return;
  const ended = once(agent, "exit");
  agent.kill("SIGKILL");
  await ended;
}

function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null;
}

/** What the servers printed: on a Mac that is what a failure is understood from. */
async function keepLogs({ keep }: Scene, folder: string): Promise<void> {
  for (const name of await readdir(folder).catch(() => [])) {
    const text = await readFile(join(folder, name), "utf8");
    keep(`${name}.txt`, text.slice(-MOST_LOGGED));
  }
}

/** What is left after an agent was killed is named by its records. */
async function endServers(state: string): Promise<void> {
  const folder = recordsFolder(state);
  for (const name of await readdir(folder).catch(() => [])) {
    const { pid }: { readonly pid?: number } = JSON.parse(await readFile(join(folder, name), "utf8"));
    if (pid !== undefined && pid > 1) signalGroup(pid, "SIGKILL");
  }
}
