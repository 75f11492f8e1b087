import { fileGate } from "../files/gate.ts";
import { fileLooks } from "../files/looks.ts";
import { whenAborted } from "../lifecycle/aborted.ts";
import { alarmClock } from "../lifecycle/alarm.ts";
import type { Runnable } from "../lifecycle/runnable.ts";
import { packageVersion } from "../state/package.ts";
import type { AgentStatus } from "../status/status.ts";
import type { MachineFacts, NodeFacts } from "./node-object.ts";
import type { NodeOptions } from "./options.ts";
import { openSurroundings } from "./surroundings.ts";
import { openWeights } from "./weights.ts";

/** What the Node says, as it is seen on this machine. */
export interface Seen {
  /** Looks at network, disk and weights. */
  readonly runnable: Runnable;
  /** Undefined before the first look. */
  readonly facts: () => NodeFacts | undefined;
  /** Takes note of what the agent says of itself. */
  readonly heard: (agent: AgentStatus["agent"]) => void;
  readonly address: () => string | undefined;
}

export interface SeenOptions {
  readonly machine: MachineFacts;
  /** The `--node-ip`, which was checked; undefined: it is chosen. */
  readonly nodeIp: string | undefined;
  /** Milliseconds that never go back. */
  readonly clock: () => number;
  /** Called after each look. */
  readonly changed: () => void;
}

/** How often network, disk and weights are looked at, in milliseconds. */
const LOOK_MS = 10_000;

export async function openSeen(options: NodeOptions, { machine, nodeIp, clock, changed }: SeenOptions): Promise<Seen> {
  const { name, standIn, stateDirectory, modelsFolder, memoryBytes, allocatableBytes, workingSetBytes } = options;
  const around = openSurroundings({
    ...{ modelsFolder, nodeIp, trouble: options.healthy, ending: () => options.stop.aborted, clock },
  });
  const alarm = alarmClock();
  const weights = await openWeights(stateDirectory, fileLooks(fileGate(clock), alarm.ring, clock), options.say);
  const servesOthers = changeIn(() => options.weightsOnDisk().map((one) => one.weights.source));
  let hasLooked = false;
  const run = async (signal: AbortSignal) => {
    whenAborted(signal, alarm.ring);
    while (!signal.aborted) {
      await around.look();
      weights.refresh(options.weightsOnDisk());
      hasLooked = true;
      changed();
      await alarm.wait(LOOK_MS);
    }
  };
  const facts = (): NodeFacts => ({
    ...{ name, machine, standIn, agentVersion: packageVersion(), memoryBytes, allocatableBytes, workingSetBytes },
    ...{ disk: around.disk(), address: around.address(), held: weights.told(), conditions: around.conditions() },
    ...{ kubeletPort: options.kubeletPort(), serverBuild: options.serverBuild() },
  });
  return {
    runnable: { name: "the look at network, disk and weights", run },
    facts: () => (hasLooked ? facts() : undefined),
    heard: (agent) => {
      around.heard(agent);
      if (servesOthers()) alarm.ring();
    },
    address: around.address,
  };
}

/** Whether these names are others than they were at the last call. */
function changeIn(names: () => readonly string[]): () => boolean {
  let before = "";
  return () => {
    const now = names().join("\n");
    const isOther = now !== before;
    before = now;
    return isOther;
  };
}
