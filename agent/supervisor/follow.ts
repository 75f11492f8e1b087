import { recordsFolder } from "../state/layout.ts";
import { type Desired, nameOfDesired } from "../workload/desired.ts";
import type { Workload } from "../workload/workload.ts";
import type { Entry } from "./entry.ts";
import type { SupervisorOptions } from "./options.ts";
import { writeRecord } from "./records.ts";
import type { Running } from "./running.ts";

/**
 * Takes what is wanted now for what is in force: the budget, the priority and all else that a running server is judged by. The record
 * follows before anything is judged by it, so that the next agent, which may not be able to read the manifests, judges by the same.
 */
export function follow(entry: Entry, desired: Desired | undefined, options: SupervisorOptions): void {
  if (desired !== undefined) entry.name = nameOfDesired(desired);
  forgiveChanged(entry, desired);
  const { running } = entry;
  if (running === undefined) return;
  const wanted = desired?.kind === "run" ? desired.workload : running.inForce;
  const confirmed = running.confirmed || desired !== undefined;
  const changed = !isSame(wanted, running.inForce);
  const next = { ...running, confirmed, inForce: wanted, recorded: running.recorded && !changed };
  entry.running = next.recorded ? next : recorded(withWorkload(next), options);
}

/** Writes what the record is to say; a disk that is full is tried again at the next tick. */
export function recorded(running: Running, { stateDirectory }: SupervisorOptions): Running {
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

/** A source makes new objects whenever anything in it changes; most of them say the same. */
function isSame(one: Workload, other: Workload): boolean {
  return one === other || JSON.stringify(one) === JSON.stringify(other);
}

/** A person who changes what is wanted has answered the last failure: its back-off no longer holds. */
function forgiveChanged(entry: Entry, desired: Desired | undefined): void {
  const wanted = digestOf(desired);
  const changed = wanted !== entry.wanted;
  entry.wanted = wanted;
  if (!changed || entry.running !== undefined) return;
  entry.backOff = undefined;
  entry.failures = 0;
  entry.breaches = [];
}

function digestOf(desired: Desired | undefined): string {
  if (desired?.kind !== "run") return desired?.kind ?? "";
  return `${desired.workload.specHash} ${desired.workload.budget.bytes}`;
}
