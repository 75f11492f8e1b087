import { formatBytes } from "../../api/quantity.ts";
import { describeBudget } from "../../memory/budget.ts";
import type { BackOff } from "../decisions/back-off.ts";
import type { Decision, ServerView, Stopping } from "../decisions/decide.ts";
import type { Eviction } from "../decisions/eviction.ts";
import { type FootprintHistory, NO_SAMPLES, nearMessage } from "../decisions/footprint.ts";
import type { State, WorkloadStatus } from "../status/status.ts";
import type { Desired } from "../workload/desired.ts";
import type { Workload } from "../workload/workload.ts";
import type { LlamaProcess } from "./process.ts";
import { driftNote, type Projection } from "./projection.ts";

/** A server with what the supervisor knows of it. */
export interface Running extends ServerView {
  readonly server: LlamaProcess;
  readonly workload: Workload;
  /** The weights that it was started with. */
  readonly modelPath: string;
  readyAt?: number;
  stopping?: Stopping;
  probing?: boolean;
  unhealthy?: number;
  /** When it was asked last after it was Ready, in the clock's milliseconds. */
  checkedAt?: number;
  /** What an earlier agent left, until it has been seen among what is wanted. */
  adopted?: true | undefined;
  /** It had answered under an earlier agent. */
  wasReady?: boolean;
  /** Where the kernel's limit is for it, in bytes; undefined: it has none. */
  limitBytes?: number | undefined;
  /** The wantedHash that `stopping` answered; what a person wished later is no business of its failure. */
  stoppedHash?: string;
}

/** One workload in the supervisor's memory. */
export interface Entry {
  readonly name: string;
  running?: Running | undefined;
  /** Of `running`. */
  watch: FootprintHistory;
  backOff?: BackOff | undefined;
  failures: number;
  /** Times of the last breaches of the budget, in the clock's milliseconds. */
  breaches: readonly number[];
  starts: number;
  /** The last time that it had to give way. */
  eviction?: Eviction | undefined;
  /** Since when it waits for admission, in the clock's milliseconds. */
  queuedAt?: number | undefined;
  /** What it was last asked to be, to notice that a person changed it. */
  wantedHash: string;
  estimateBytes?: number | undefined;
  /** What llama-server itself said of the settings with this start key; no `bytes`: it is being asked. */
  projection?: Projection | undefined;
  estimateParts?: Readonly<Record<string, number>> | undefined;
  decision: Decision;
}

export function newEntry(name: string): Entry {
  return {
    name,
    watch: NO_SAMPLES,
    failures: 0,
    breaches: [],
    starts: 0,
    wantedHash: "",
    decision: { act: "nothing", state: "Pending" },
  };
}

/** What a workload is charged with on the node: never less than it was seen to use. */
export function chargeBytes({ estimateBytes, watch }: Entry): number {
  return Math.max(estimateBytes ?? 0, watch.measuredBytes ?? 0);
}

const PHASES: Readonly<Record<State, WorkloadStatus["phase"]>> = {
  Pending: "Pending",
  Downloading: "Pending",
  Waiting: "Pending",
  Starting: "Creating",
  Ready: "Ready",
  Draining: "Progressing",
  BackOff: "Failed",
  Failed: "Failed",
  Stopped: "Stopped",
};

/** Reasons about memory, which LLMKube reports as `schedulingStatus`. */
const SCHEDULING: ReadonlySet<string | undefined> = new Set([
  "InsufficientMemory",
  "MemoryCheckFailed",
  "BudgetExceeded",
  "WaitingForMemory",
  "Evicted",
]);

export function statusOf(entry: Entry, desired: Desired | undefined): WorkloadStatus {
  const { running, decision, watch } = entry;
  const { state, reason, message } = decision;
  const workload = desired?.kind === "run" ? desired.workload : running?.workload;
  const pid = running?.server.pid;
  const shown: WorkloadStatus = {
    name: entry.name,
    state,
    phase: PHASES[state],
    restarts: Math.max(0, entry.starts - 1),
    notes: [...(workload?.notes ?? []), ...enforcementNotes(entry, workload)],
  };
  if (reason !== undefined) shown.reason = reason;
  if (message !== undefined) shown.message = message;
  // While the process still goes down its place is not decided yet.
  if (running === undefined && SCHEDULING.has(reason)) {
    if (reason !== undefined) shown.schedulingStatus = reason;
    if (message !== undefined) shown.schedulingMessage = message;
  }
  if (decision.queuePosition !== undefined) shown.queuePosition = decision.queuePosition;
  if (workload !== undefined) {
    const { bytes, source } = workload.budget;
    shown.budget = { bytes, source, text: describeBudget(workload.budget) };
  }
  const projected = entry.projection?.bytes;
  if (projected !== undefined && projected !== null) shown.projectedBytes = projected;
  if (entry.estimateBytes !== undefined) shown.estimateBytes = entry.estimateBytes;
  if (entry.estimateParts !== undefined) shown.estimateParts = { ...entry.estimateParts };
  if (running !== undefined && watch.measuredBytes !== undefined) shown.measuredBytes = watch.measuredBytes;
  if (running !== undefined && watch.unknown) shown.enforcementUnknown = true;
  if (state === "Ready" && workload !== undefined) shown.endpoint = `http://127.0.0.1:${workload.fields.port}/v1`;
  if (pid !== undefined) shown.pid = pid;
  return shown;
}

function enforcementNotes(
  { running, watch, estimateBytes, estimateParts, projection }: Entry,
  workload: Workload | undefined,
): readonly string[] {
  if (running === undefined || workload === undefined) return [];
  const notes: string[] = [];
  if (watch.near) notes.push(nearMessage(watch, workload.budget));
  const drift = estimateParts && driftNote(projection?.bytes, estimateParts);
  if (drift !== undefined) notes.push(drift);
  if (watch.unknown) notes.push("enforcement unknown: its memory cannot be measured, so nothing new is started");
  if (estimateBytes !== undefined && estimateBytes > workload.budget.bytes) {
    const need = formatBytes(estimateBytes);
    notes.push(
      `estimated ${need} required, ${describeBudget(workload.budget)}: it runs on while the measured memory is within the budget; a restart would be refused`,
    );
  }
  return notes;
}
