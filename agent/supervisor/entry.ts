import type { BackOff } from "../decisions/back-off.ts";
import type { Decision } from "../decisions/decide.ts";
import type { Eviction } from "../decisions/eviction.ts";
import { type FootprintHistory, NO_SAMPLES } from "../decisions/footprint.ts";
import type { Projection } from "../decisions/projection.ts";
import type { Need } from "../workload/prepare.ts";
import type { WorkloadId } from "../workload/workload-id.ts";
import type { Running } from "./running.ts";

/** One workload in the supervisor's memory; times in the clock's milliseconds. */
export interface Entry {
  readonly id: WorkloadId;
  name: string;
  running?: Running | undefined;
  /** Of what runs. */
  footprint: FootprintHistory;
  /** Why it stays down for a while. */
  backOff?: BackOff | undefined;
  /** Failures in a row. */
  failures: number;
  /** Times of the last breaches of the budget. */
  breaches: readonly number[];
  starts: number;
  /** The last time that it had to give way. */
  eviction?: Eviction | undefined;
  /** Since when it waits for admission. */
  queuedAt?: number | undefined;
  /** A digest of what is wanted of it: where it changes, a person has answered the last failure. */
  wanted: string;
  /** What it is estimated to need; of one that runs, when it was started. */
  need?: Partial<Need> | undefined;
  projection?: Projection | undefined;
  /** What was wanted when it was told to stop: what a person wished later is no business of its failure. */
  stoppedFor?: string | undefined;
  decision: Decision;
  fault?: Fault | undefined;
}

/** What the agent itself failed at for one workload. */
export interface Fault {
  readonly step: "observe" | "prepare" | "act";
  readonly message: string;
}

export function newEntry(id: WorkloadId, name: string): Entry {
  return {
    id,
    name,
    footprint: NO_SAMPLES,
    failures: 0,
    breaches: [],
    starts: 0,
    wanted: "",
    decision: { act: "nothing", state: "Pending" },
  };
}

/** What a workload is charged with on the node, in bytes: never less than it was seen to use. */
export function chargeBytes({ need, footprint }: Entry): number {
  return Math.max(need?.estimateBytes ?? 0, footprint.measuredBytes ?? 0);
}
