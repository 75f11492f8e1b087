import { recordsFolder } from "../state/layout.ts";
import { type Desired, digestOfDesired, nameOfDesired } from "../workload/desired.ts";
import type { Workload } from "../workload/workload.ts";
import type { Entry } from "./entry.ts";
import type { SupervisorOptions } from "./options.ts";
import { writeRecord } from "./records.ts";
import type { Running } from "./running.ts";

/**
 * Puts the desired state in force: the budget, the priority and everything else that a running server is held to. The record is
 * updated first, so that the next agent enforces the same even if it cannot read the manifests.
 */
export function follow(entry: Entry, desired: Desired | undefined, options: SupervisorOptions): void {
  if (desired !== undefined) entry.name = nameOfDesired(desired);
  clearFailuresIfChanged(entry, desired);
  const { running } = entry;
  if (running === undefined) return;
  const wanted = inForceFor(desired, running.inForce);
  const confirmed = running.confirmed || desired !== undefined;
  const changed = !isSame(wanted, running.inForce);
  const next = { ...running, confirmed, inForce: wanted, recorded: running.recorded && !changed };
  entry.running = next.recorded ? next : saveRecord(withWorkload(next), options);
}

/** The budget of a server that is not to run is in force until it is gone. */
function inForceFor(desired: Desired | undefined, before: Workload): Workload {
  if (desired?.kind === "run") return desired.workload;
  const gracePeriodMs = desired?.kind === "stopped" ? desired.gracePeriodMs : undefined;
  return gracePeriodMs === undefined ? before : { ...before, gracePeriodMs };
}

/** Writes the record. On failure, such as a full disk, `recorded` is false and the next tick tries again. */
export function saveRecord(running: Running, { stateDirectory }: Pick<SupervisorOptions, "stateDirectory">): Running {
  try {
    writeRecord(recordsFolder(stateDirectory), running.record);
    return { ...running, recorded: true };
  } catch {
    return { ...running, recorded: false };
  }
}

function withWorkload(running: Running): Running {
  const { record, inForce } = running;
  return { ...running, record: { ...record, served: record.served && { ...record.served, workload: inForce } } };
}

/** Compares by content: a source makes new objects for all its workloads whenever any of them changes. */
function isSame(one: Workload, other: Workload): boolean {
  return one === other || JSON.stringify(one) === JSON.stringify(other);
}

/** A changed desired state is somebody's response to the last failure: its back-off ends. */
function clearFailuresIfChanged(entry: Entry, desired: Desired | undefined): void {
  const wanted = digestOfDesired(desired);
  const changed = wanted !== entry.wanted;
  entry.wanted = wanted;
  if (!changed || entry.running !== undefined) return;
  entry.backOff = undefined;
  entry.failures = 0;
  entry.breaches = [];
  entry.failedAt = [];
}
