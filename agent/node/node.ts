import { readFile } from "node:fs/promises";
import { networkInterfaces } from "node:os";
import { ok, type Result } from "../../api/result.ts";
import { readKubeconfig } from "../../kube/access/kubeconfig.ts";
import type { KubeClient } from "../../kube/client.ts";
import type { KubeAccess } from "../../kube/open-client.ts";
import { fileGate } from "../files/gate.ts";
import { fileLooks } from "../files/looks.ts";
import type { Platform } from "../host/platform.ts";
import { whenAborted } from "../lifecycle/aborted.ts";
import { alarmClock } from "../lifecycle/alarm.ts";
import type { Runnable } from "../lifecycle/runnable.ts";
import { packageVersion } from "../state/package.ts";
import type { StatusSink } from "../status/sink.ts";
import { namedAddress } from "./addresses.ts";
import { holderOf } from "./holder.ts";
import { openIdentity } from "./identity.ts";
import { openInstance } from "./instance.ts";
import { nodeKeeper } from "./keeper.ts";
import { nodeLease } from "./lease.ts";
import { machineFacts } from "./machine.ts";
import type { NodeFacts } from "./node-object.ts";
import { openSurroundings } from "./surroundings.ts";
import { openWeights, type WeightsOnDisk } from "./weights.ts";

export interface NodeOptions {
  /** The identity of this Mac. The Lease and the renewal of the token get connections of their own from it. */
  readonly access: KubeAccess;
  /** For the Node itself: shared with what else asks the API server. */
  readonly client: KubeClient;
  /** Path of the kubeconfig. */
  readonly kubeconfig: string;
  /** Name of the Node, as `nodeName` (name.ts) gives it. */
  readonly name: string;
  /** The state folder. The caller holds its lock. */
  readonly stateDirectory: string;
  /** Folder of the models. */
  readonly modelsFolder: string;
  readonly platform: Pick<Platform, "backend" | "bootId">;
  /** What the agent counts on, in bytes. */
  readonly memoryBytes: number;
  /** What all models together may use, in bytes. */
  readonly allocatableBytes: number;
  /** Recommended working set of Metal, in bytes. */
  readonly workingSetBytes?: number | undefined;
  /** `--node-ip`; not the Node's own address on a stand-in. */
  readonly nodeIp?: string | undefined;
  /** Whether this machine only stands in for a Mac. */
  readonly standIn: boolean;
  /** Where the agent answers for logs and metrics; undefined: it does not, or not yet. */
  readonly kubeletPort: () => number | undefined;
  /** Build of llama-server; undefined where it cannot be told. */
  readonly serverBuild: () => string | undefined;
  /** The weights of all workloads that are on the disk now. */
  readonly weightsOnDisk: () => readonly WeightsOnDisk[];
  /** Why this agent cannot be relied on (its loop stands still, its watchdog is in trouble), as a sentence; undefined while all is well. */
  readonly healthy: () => string | undefined;
  /** Aborted when a person tells the agent to end with its servers. An agent that leaves its servers aborts it not. */
  readonly stop: AbortSignal;
  /** A renewal of the Lease got no answer: connections of other clients than {@link client} may be closed, too. */
  readonly unanswered?: () => void;
  /** Another agent that lives has the name. Gets one sentence: the agent should end, and leave its servers running. */
  readonly taken: (sentence: string) => void;
  /** The name of the Node became this agent's, or is so no more. */
  readonly chargeChanged?: () => void;
  /** Gets one sentence for the log. */
  readonly say: (message: string) => void;
  /** Milliseconds that never go back. */
  readonly clock?: () => number;
  /** Milliseconds since 1970. */
  readonly wall?: () => number;
}

/** This Mac as a Node of the cluster. */
export interface MacNode {
  /** Takes conditions from what the agent says of itself. */
  readonly sink: StatusSink;
  readonly runnables: readonly Runnable[];
  /** Sentences that a person should act on. */
  readonly problems: () => readonly string[];
  /** Sentences for information only. */
  readonly notes: () => readonly string[];
  /** Whether the name of the Node is this agent's. Before, and without, it must not write about pods or begin to serve one. */
  readonly isInCharge: () => boolean;
  /** The address that the Node has now; undefined without a network. */
  readonly address: () => string | undefined;
}

/** How often network, disk and weights are looked at. */
const LOOK_MS = 10_000;

/**
 * Opens this Mac as a Node. It makes no request before its runnables run, so a cluster that is away keeps nobody from starting. Fails with
 * one sentence where the `--node-ip` is none of this machine's, or the state folder cannot be written.
 */
export async function openNode(options: NodeOptions): Promise<Result<MacNode>> {
  const { access, client, name, stateDirectory, standIn, stop, say } = options;
  const { clock = () => performance.now(), wall = Date.now } = options;
  const nodeIp =
    standIn || options.nodeIp === undefined ? ok(undefined) : namedAddress(options.nodeIp, networkInterfaces());
  if (!nodeIp.ok) return nodeIp;
  const machine = await machineFacts(options.platform);
  const instance = await openInstance(stateDirectory, name, machine.machineId);
  if (!instance.ok) return instance;
  const ending = () => stop.aborted;
  const around = openSurroundings({
    ...{ modelsFolder: options.modelsFolder, nodeIp: nodeIp.value, trouble: options.healthy, ending, clock },
  });
  const looks = fileLooks(fileGate(clock), () => keeper.wake(), clock);
  const weights = await openWeights(stateDirectory, looks, say);
  let hasLooked = false;
  const facts = (): NodeFacts => ({
    ...{ name, machine, standIn, agentVersion: packageVersion() },
    ...{ memoryBytes: options.memoryBytes, allocatableBytes: options.allocatableBytes },
    ...{ workingSetBytes: options.workingSetBytes, disk: around.disk(), address: around.address() },
    ...{ kubeletPort: options.kubeletPort(), serverBuild: options.serverBuild() },
    ...{ held: weights.told(), conditions: around.conditions() },
  });
  const keeper = nodeKeeper({
    ...{ client, name, ending, say, clock, wall },
    facts: () => (hasLooked ? facts() : undefined),
    isHeld: () => lease.isHeld(),
    registered: () => lease.renewNow(),
  });
  const lease = nodeLease({
    ...{ client: access.client(), name, holder: holderOf(name, instance.value.id), nodeUid: keeper.uid },
    ...{ trouble: options.healthy, refused: options.taken, ending, clock, wall },
    unanswered: () => {
      client.resetConnections().catch(() => {});
      options.unanswered?.();
    },
    changed: () => {
      keeper.wake();
      options.chargeChanged?.();
    },
  });
  const identity = await openIdentity({
    ...{ client: access.clientAsItself(), stateDirectory, clock, wall },
    givenToken: () => tokenOf(options.kubeconfig),
    useToken: access.replaceToken,
  });
  whenAborted(stop, keeper.wake);
  const looking = lookingAround(async () => {
    await around.look();
    weights.refresh(options.weightsOnDisk());
    hasLooked = true;
    keeper.wake();
  });
  const { formerName } = instance.value;
  const former = formerName === undefined ? [] : [formerSentence(formerName, name)];
  return ok({
    sink: {
      name: `the Node ${name}`,
      publish: async ({ agent }) => around.heard(agent),
      terminated: async () => {},
    },
    runnables: [lease.runnable, ...keeper.runnables, identity.runnable, looking],
    problems: () => [...lease.problems(), ...keeper.problems(), ...identity.problems()],
    notes: () => former,
    isInCharge: lease.isHeld,
    address: around.address,
  });
}

function lookingAround(look: () => Promise<void>): Runnable {
  return {
    name: "the look at network, disk and weights",
    run: async (signal) => {
      const alarm = alarmClock();
      whenAborted(signal, alarm.ring);
      while (!signal.aborted) {
        await look();
        await alarm.wait(LOOK_MS);
      }
    },
  };
}

/** The token in the kubeconfig, or in the file that it names; undefined where it has none, or cannot be read now. */
async function tokenOf(kubeconfig: string): Promise<string | undefined> {
  try {
    const access = readKubeconfig(await readFile(kubeconfig, "utf8"), kubeconfig);
    if (!access.ok) return undefined;
    const { tokenFile, token } = access.value;
    return tokenFile === undefined ? token : (await readFile(tokenFile, "utf8")).trim();
  } catch {
    return undefined;
  }
}

function formerSentence(former: string, name: string): string {
  return `this Mac was the Node ${former} before and is ${name} now: kubectl delete node ${former}, if nothing else has that name`;
}
