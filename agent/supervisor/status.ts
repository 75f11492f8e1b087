import { formatBytes } from "../../api/quantity.ts";
import { describeBudget } from "../../memory/budget.ts";
import type { Demand } from "../decisions/demand.ts";
import { implausibleNote, measuredWhenReady, nearNote } from "../decisions/footprint.ts";
import { driftNote, driftShare, unansweredNote } from "../decisions/projection.ts";
import type { SlotCounts, State, WorkloadStatus } from "../status/status.ts";
import type { Desired } from "../workload/desired.ts";
import type { Workload } from "../workload/workload.ts";
import type { WorkloadId } from "../workload/workload-id.ts";
import type { Entry } from "./entry.ts";

const PHASES: Readonly<Record<State, WorkloadStatus["phase"]>> = {
  Pending: "Pending",
  Downloading: "Pending",
  Waiting: "Pending",
  Starting: "Creating",
  Ready: "Ready",
  Draining: "Progressing",
  BackOff: "Failed",
  HeldBack: "Failed",
  Failed: "Failed",
  Sleeping: "Stopped",
  Stopped: "Stopped",
};

/** The reasons that LLMKube reports as `schedulingStatus`: those about memory. */
const SCHEDULING: ReadonlySet<string | undefined> = new Set([
  "InsufficientMemory",
  "MemoryCheckFailed",
  "BudgetExceeded",
  "WaitingForMemory",
  "Evicted",
]);

/** What clients ask for; `demandOf` is undefined without a gateway. */
export interface Demands {
  readonly demandOf: ((id: WorkloadId) => Demand) | undefined;
  /** What became of saved conversations; undefined where none is saved. */
  readonly slotsOf?: ((id: WorkloadId) => SlotCounts) | undefined;
  /** Milliseconds of the clock of the demands. */
  readonly now: number;
}

/** The status of one workload after a decision. */
export function statusOf(entry: Entry, desired: Desired | undefined, demands: Demands): WorkloadStatus {
  const { demandOf, slotsOf, now } = demands;
  const { id, name, running, decision, footprint, need, projection } = entry;
  const { state, reason, message } = decision;
  const workload = desired?.kind === "run" ? desired.workload : running?.inForce;
  const shown: WorkloadStatus = {
    id,
    name,
    state,
    phase: PHASES[state],
    restarts: Math.max(0, entry.starts - 1),
    notes: [
      workload?.notes ?? [],
      enforcementNotes(entry, desired),
      (projection && unansweredNote(projection)) ?? [],
    ].flat(),
  };
  if (reason !== undefined) shown.reason = reason;
  if (message !== undefined) shown.message = message;
  // While a process still stops, whether and when the workload runs again is not decided.
  if (running === undefined && SCHEDULING.has(reason)) {
    if (reason !== undefined) shown.schedulingStatus = reason;
    if (message !== undefined) shown.schedulingMessage = message;
  }
  if (decision.failureKind !== undefined) shown.failureKind = decision.failureKind;
  if (decision.queuePosition !== undefined) shown.queuePosition = decision.queuePosition;
  if (workload !== undefined) shown.budget = budgetOf(workload);
  if (typeof projection?.bytes === "number") {
    shown.projectedBytes = projection.bytes;
    const drift = need?.estimateParts && driftShare(projection.bytes, need.estimateParts);
    if (drift !== undefined) shown.projectionDrift = drift;
  }
  if (need?.estimateBytes !== undefined) shown.estimateBytes = need.estimateBytes;
  if (need?.estimateParts !== undefined) shown.estimateParts = { ...need.estimateParts };
  if (demandOf !== undefined && desired?.kind === "run") {
    shown.demand = shownDemand(demandOf(id), now);
    shown.wakes = entry.wakes;
    if (slotsOf !== undefined) shown.savedSlots = slotsOf(id);
  }
  if (entry.lastExit !== undefined) shown.lastExit = lastExitOf(entry.lastExit);
  if (running === undefined) return shown;
  const measuredBytes =
    running.phase === "ready" ? measuredWhenReady(footprint, running.readyAt) : footprint.measuredBytes;
  if (measuredBytes !== undefined) shown.measuredBytes = measuredBytes;
  if (footprint.unknown || implausible(entry) !== undefined) shown.enforcementUnknown = true;
  if (state === "Ready") shown.endpoint = `http://${running.started.fields.host}:${running.started.fields.port}/v1`;
  if (running.process.pid !== undefined) shown.pid = running.process.pid;
  const startedAt = running.record.served?.startedAt;
  if (startedAt !== undefined) shown.startedAt = startedAt;
  return shown;
}

function shownDemand({ waiting, inFlight, lastUsedAt }: Demand, now: number): NonNullable<WorkloadStatus["demand"]> {
  if (lastUsedAt === undefined) return { waiting, inFlight };
  return { waiting, inFlight, lastUsedAt: new Date(Date.now() - (now - lastUsedAt)).toISOString() };
}

function implausible({ running, footprint, need }: Entry): string | undefined {
  if (running?.phase !== "ready") return undefined;
  return implausibleNote(footprint, need?.estimateParts?.["weights"] ?? 0, running.readyAt);
}

function lastExitOf({
  at,
  code,
  signal,
  reason,
  message,
}: NonNullable<Entry["lastExit"]>): NonNullable<WorkloadStatus["lastExit"]> {
  const why = { ...(reason !== undefined && { reason }), ...(message !== undefined && { message }) };
  return { at, ...(code === null ? {} : { code }), ...(signal === null ? {} : { signal }), ...why };
}

function budgetOf({ budget }: Workload): NonNullable<WorkloadStatus["budget"]> {
  return { bytes: budget.bytes, source: budget.source, text: describeBudget(budget) };
}

function enforcementNotes(entry: Entry, desired: Desired | undefined): readonly string[] {
  const { running, footprint, need, projection, fault, keyNote, missing, cacheChange, cacheNote } = entry;
  const notes: string[] = [];
  if (fault !== undefined) notes.push(`the agent had an error at step "${fault.step}": ${fault.message}`);
  if (cacheNote !== undefined) notes.push(cacheNote);
  if (running === undefined) return notes;
  const { budget } = running.inForce;
  if (keyNote !== undefined) notes.push(keyNote);
  if (missing !== undefined) notes.push(`${missing}; the server has its weights in memory and keeps running`);
  if (desired?.kind === "unknown")
    notes.push(`${desired.message}; the server keeps running with its last known settings`);
  if (desired === undefined && running.phase !== "stopping")
    notes.push("no manifest names it, but not all manifests can be read: the server keeps running until they can");
  const near = nearNote(footprint, budget);
  if (near !== undefined) notes.push(near);
  if (cacheChange !== undefined && running.phase === "ready") notes.push(cacheChange.message);
  const drift = need?.estimateParts && driftNote(projection?.bytes, need.estimateParts);
  if (drift !== undefined) notes.push(drift);
  if (footprint.unknown) notes.push("enforcement unknown: its memory cannot be measured, so nothing new is started");
  const unseen = implausible(entry);
  if (unseen !== undefined) notes.push(unseen);
  if (need?.estimateBytes !== undefined && need.estimateBytes > budget.bytes) {
    const estimate = formatBytes(need.estimateBytes);
    notes.push(
      `estimated ${estimate} required, ${describeBudget(budget)}: it keeps running while its measured memory is within the budget; a restart would be refused`,
    );
  }
  if (!running.recorded)
    notes.push("its record cannot be written: check the disk space and permissions of the state folder");
  return notes;
}
