import type { Decision } from "../decisions/decide.ts";
import type { Rest } from "../decisions/resting.ts";
import type { Desired } from "../workload/desired.ts";
import type { Workload } from "../workload/workload.ts";
import type { Entry } from "./entry.ts";
import type { KeyFiles } from "./key-files.ts";
import { expectedLoadMs } from "./loads.ts";

/** A workload that should run, or of which it is not certain that it should not, as a gateway sees it at this moment. */
export interface Serving {
  readonly workload: Workload;
  readonly decision: Decision;
  readonly rest: Rest | undefined;
  /** Where it answers; undefined unless it takes requests now. */
  readonly address: ServingAddress | undefined;
  /** How long its next start takes, in milliseconds. */
  readonly expectedLoadMs: number;
  /** In bytes; undefined while its header has not been read. */
  readonly estimateBytes: number | undefined;
  /** In bytes; undefined while it does not run, or is not measured. */
  readonly measuredBytes: number | undefined;
}

export interface ServingAddress {
  readonly host: string;
  readonly port: number;
  /** Sent as bearer token; undefined where it needs none. */
  readonly apiKey: string | undefined;
}

export function servingOf(entry: Entry, desired: Desired | undefined, keys: KeyFiles): readonly Serving[] {
  const workload = desired?.kind === "run" ? desired.workload : lastKnown(entry, desired);
  if (workload === undefined) return [];
  const { decision, rest, need, footprint, running } = entry;
  return [
    {
      ...{ workload, decision, rest, expectedLoadMs: expectedLoadMs(entry) },
      address: addressOf(entry, keys),
      estimateBytes: need?.estimateBytes,
      measuredBytes: running === undefined ? undefined : footprint.measuredBytes,
    },
  ];
}

/** Of a server that goes on though its manifest cannot be read: its clients go on, too. */
function lastKnown({ running, decision }: Entry, desired: Desired | undefined): Workload | undefined {
  const isUnclear = desired === undefined || desired.kind === "unknown";
  const goesOn = running?.phase !== "stopping" && decision.act !== "stop" && !decision.drains;
  return isUnclear && goesOn ? running?.inForce : undefined;
}

/** A decision stands before the signal that carries it out: what is about to stop, or to make room, takes nothing new. */
function addressOf({ running, decision, rest }: Entry, keys: KeyFiles): ServingAddress | undefined {
  if (running?.phase !== "ready" || decision.act === "stop" || decision.act === "kill") return undefined;
  if (decision.drains) return undefined;
  if (rest?.kind === "sleeps" || rest?.kind === "drains") return undefined;
  if (running.process.exit() !== undefined) return undefined;
  const { host, port, apiKeyFile } = running.started.fields;
  // Until its turn to restart comes it has the keys of before.
  return { host, port, apiKey: apiKeyFile === undefined ? undefined : keys.keyFor(apiKeyFile, running.keys) };
}
