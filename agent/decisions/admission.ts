import { formatBytes } from "../../api/quantity.ts";

interface Claimant {
  readonly name: string;
  /** 0 for batch up to 4 for critical. */
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

export interface Admission {
  /** The one to start now. */
  readonly start?: string;
  /** What each of the others waits for, in the order of the queue. */
  readonly waiting: ReadonlyMap<string, string>;
  /** Those that could not even run alone here. */
  readonly refused: ReadonlyMap<string, string>;
}

/**
 * Who may start: by priority, then by name; one at a time, since a start shows its memory only when it is over (#469); and
 * never so that all charges together exceed what the node gives (T3). One that waits for memory may be overtaken, but never
 * so that its overtakers together could hold the memory it waits for: else a large model would wait for ever. Nobody while
 * the machine itself says why in `hostWait`.
 */
export function admit(
  candidates: readonly Candidate[],
  holders: readonly Holder[],
  allocatableBytes: number,
  hostWait?: string,
): Admission {
  const waiting = new Map<string, string>();
  const refused = new Map<string, string>();
  const blocker = hostWait ?? blockedBy(holders);
  const passed: Candidate[] = [];
  let start: string | undefined;
  for (const candidate of candidates.toSorted(byRank)) {
    const { name, chargeBytes } = candidate;
    if (chargeBytes > allocatableBytes) {
      refused.set(name, tooLarge(chargeBytes, allocatableBytes));
      continue;
    }
    const wait =
      start === undefined
        ? (blocker ??
          memoryWait(candidate, holders, allocatableBytes) ??
          turnWait(candidate, passed, holders, allocatableBytes))
        : `waits for ${start} to be ready; one model starts at a time`;
    if (wait === undefined) start = name;
    else waiting.set(name, wait);
    passed.push(candidate);
  }
  return start === undefined ? { waiting, refused } : { start, waiting, refused };
}

function byRank(a: Claimant, b: Claimant): number {
  return b.priority - a.priority || (a.name < b.name ? -1 : 1);
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
