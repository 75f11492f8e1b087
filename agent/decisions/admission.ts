import { formatBytes } from "../../api/quantity.ts";
import type { WorkloadId } from "../workload/workload-id.ts";

interface Claimant {
  readonly id: WorkloadId;
  /** For messages. */
  readonly name: string;
  /** A higher one goes first. */
  readonly priority: number;
  /** Since when it waits, or holds memory; in the clock's milliseconds. */
  readonly since: number;
}

/** A workload that may start as far as its own budget goes. */
export interface Candidate extends Claimant {
  /** What it is estimated to need. */
  readonly chargeBytes: number;
}

/** A process that holds memory: starting, serving or on its way out. */
export interface Holder extends Claimant {
  /** The larger of estimate and measured, in bytes. */
  readonly chargeBytes: number;
  readonly starting: boolean;
  /** Its memory cannot be measured at the moment. */
  readonly unknown: boolean;
}

/** What admission says to a candidate. */
export type Verdict =
  | { readonly kind: "starts" }
  /** `queuePosition`: from 1, by rank. */
  | { readonly kind: "waits"; readonly message: string; readonly queuePosition: number }
  /** It could not even run alone here. */
  | { readonly kind: "refused"; readonly message: string };

/**
 * Who may start: by priority, then by name; one at a time, since a start shows its memory only when it is over (LLMKube#469); and
 * never so that all charges together exceed what the node gives. One that waits for memory may be overtaken, but never
 * so that its overtakers together could hold the memory it waits for: else a large model would wait for ever. Nobody while
 * the machine itself says why in `hostWait`.
 */
export function admit(
  candidates: readonly Candidate[],
  holders: readonly Holder[],
  allocatableBytes: number,
  hostWait?: string,
): ReadonlyMap<WorkloadId, Verdict> {
  const verdicts = new Map<WorkloadId, Verdict>();
  const waiting: { readonly id: WorkloadId; readonly wait: string }[] = [];
  const blocker = hostWait ?? blockedBy(holders);
  const passed: Candidate[] = [];
  let start: string | undefined;
  for (const candidate of candidates.toSorted(byRank)) {
    const { id, name, chargeBytes } = candidate;
    if (chargeBytes > allocatableBytes) {
      verdicts.set(id, { kind: "refused", message: tooLarge(chargeBytes, allocatableBytes) });
      continue;
    }
    const wait =
      start === undefined
        ? (blocker ??
          memoryWait(candidate, holders, allocatableBytes) ??
          turnWait(candidate, passed, holders, allocatableBytes))
        : `waits for ${start} to be ready; one model starts at a time`;
    if (wait === undefined) {
      start = name;
      verdicts.set(id, { kind: "starts" });
    } else waiting.push({ id, wait });
    passed.push(candidate);
  }
  for (const [index, { id, wait }] of waiting.entries()) {
    const place = waiting.length === 1 ? "" : `; place ${index + 1} of ${waiting.length} in the queue`;
    verdicts.set(id, { kind: "waits", message: wait + place, queuePosition: index + 1 });
  }
  return verdicts;
}

function byRank(a: Claimant, b: Claimant): number {
  return b.priority - a.priority || (a.name < b.name || (a.name === b.name && a.id < b.id) ? -1 : 1);
}

function sumOf(claims: readonly { readonly chargeBytes: number }[]): number {
  return claims.reduce((sum, { chargeBytes }) => sum + chargeBytes, 0);
}

function tooLarge(chargeBytes: number, allocatableBytes: number): string {
  const [need, all] = [chargeBytes, allocatableBytes].map(formatBytes);
  return `estimated ${need} required, all models of this machine together may use ${all}; raise --memory-fraction`;
}

function blockedBy(holders: readonly Holder[]): string | undefined {
  const unknown = holders.find((holder) => holder.unknown);
  if (unknown !== undefined) return `waits until the memory of ${unknown.name} can be measured again`;
  const starting = holders.find((holder) => holder.starting);
  return starting === undefined ? undefined : `waits for ${starting.name} to be ready; one model starts at a time`;
}

function memoryWait({ chargeBytes }: Candidate, holders: readonly Holder[], allocatable: number): string | undefined {
  const free = Math.max(0, allocatable - sumOf(holders));
  if (chargeBytes <= free) return undefined;
  const held = holders.map((holder) => `${holder.name} ${formatBytes(holder.chargeBytes)}`).join(", ");
  const [short, need, left, all] = [chargeBytes - free, chargeBytes, free, allocatable].map(formatBytes);
  return `waits for ${short} of memory: needs ${need}, ${left} of ${all} are free; held by ${held}`;
}

/** Of those that wait ahead: one that would not fit beside this candidate and all that has overtaken it already. */
function turnWait(
  candidate: Candidate,
  ahead: readonly Candidate[],
  holders: readonly Holder[],
  allocatable: number,
): string | undefined {
  const robbed = ahead.find((waiter) => {
    const overtakers = holders.filter((holder) => byRank(waiter, holder) < 0 && holder.since > waiter.since);
    return waiter.chargeBytes + candidate.chargeBytes + sumOf(overtakers) > allocatable;
  });
  return robbed === undefined ? undefined : `waits for ${robbed.name}, which is ahead of it and needs the memory`;
}
