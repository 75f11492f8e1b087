import { defaultState } from "../../agent/state/default-state.ts";
import type { WorkloadStatus } from "../../agent/status/status.ts";
import { readHeartbeat, readStatus } from "../../agent/status/status-file.ts";
import { pause } from "../interrupt.ts";
import { statusNow } from "../status-liveness.ts";
import { agentCommandFor } from "./start-agent.ts";

/** What is seen of a model that is waited for. */
export interface Sight {
  readonly is: "ready" | "failed" | "under-way" | "no-agent";
  /** A line for people, which changes as the model gets on. */
  readonly line: string;
  readonly endpoint?: string;
}

export type Look = (signal: AbortSignal) => Promise<Sight>;

export interface Waiting {
  readonly look: Look;
  readonly timeoutMs: number;
  readonly everyMs: number;
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
  /** Milliseconds that never go back. */
  readonly clock: () => number;
}

export type Waited =
  | { readonly is: "ready"; readonly endpoint: string | undefined }
  | { readonly is: "interrupted" }
  | { readonly is: "not-ready"; readonly problem: string };

/** Looks until the model is Ready or sleeps, has failed for good, or the time is up; says each line once. */
export async function waitForReady({ look, timeoutMs, everyMs, signal, say, clock }: Waiting): Promise<Waited> {
  const deadline = clock() + timeoutMs;
  let said = "";
  while (!signal.aborted) {
    const { is, line, endpoint } = await look(signal);
    if (line !== said) say(line);
    said = line;
    if (is === "ready") return { is, endpoint };
    if (is === "failed") return { is: "not-ready", problem: line };
    if (clock() >= deadline) {
      return { is: "not-ready", problem: `not Ready after ${Math.round(timeoutMs / 1000)} s (--timeout): ${line}` };
    }
    await pause(everyMs, signal);
  }
  return { is: "interrupted" };
}

/** States out of which a model comes only after a person has changed something. */
const FINAL: readonly WorkloadStatus["state"][] = ["Failed", "HeldBack", "Stopped"];
/** Failures that the agent tries again by itself. */
const PASSING = ["PortInUse", "StartFailed"];

/** What a status says of a workload; undefined: the agent has not read its manifests yet. */
export function sightOf(name: string, workload: WorkloadStatus | undefined): Sight {
  if (workload === undefined) return { is: "under-way", line: `${name}: the agent has not read its manifests yet` };
  const { state, reason, message, endpoint } = workload;
  const why = [reason, message].filter((part) => part !== undefined).join(": ");
  // A model that sleeps has run, and the next request wakes it.
  if (state === "Ready" || state === "Sleeping") {
    return { is: "ready", line: `${name}: ${state}`, ...(endpoint !== undefined && { endpoint }) };
  }
  const line = `${name}: ${state}${why === "" ? "" : ` (${why})`}`;
  return { is: FINAL.includes(state) && !PASSING.includes(reason ?? "") ? "failed" : "under-way", line };
}

/** How long the agent has for the manifests that were just written: until then an old status may say Ready. */
const SETTLED_MS = 3000;

/**
 * Looks at the status of the agent that reads a folder of manifests.
 *
 * @param state the agent's state folder, if it is not the default one of this folder
 * @param changedAt when the manifests were written, in milliseconds since 1970; undefined: they did not change
 */
export function localLook(folder: string, id: string, state: string | undefined, changedAt: number | undefined): Look {
  const stateFolder = state ?? defaultState(folder);
  const name = id.split("/").at(-1) ?? id;
  return async () => {
    const none: Sight = {
      is: "no-agent",
      line: `no agent reads ${folder}: start one in another terminal with ${agentCommandFor(folder)}`,
    };
    const [written, heartbeat] = await Promise.all([readStatus(stateFolder), readHeartbeat(stateFolder)]);
    if (!written.ok) return none;
    const { status, liveness } = await statusNow(stateFolder, written.value);
    if (liveness.is === "gone") return none;
    const settled = changedAt === undefined || (heartbeat?.getTime() ?? 0) >= changedAt + SETTLED_MS;
    const sight = sightOf(
      name,
      status.workloads.find((workload) => workload.name === id),
    );
    return sight.is === "under-way" || settled
      ? sight
      : { is: "under-way", line: `${name}: the agent reads its manifests` };
  };
}
