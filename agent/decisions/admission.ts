import { formatBytes } from "../../api/quantity.ts";
import { type Allocatable, exceedsAllocatable } from "../../memory/allocatable.ts";
import type { WorkloadId } from "../workload/workload-id.ts";

interface Claimant {
  readonly id: WorkloadId;
  /** For messages. */
  readonly name: string;
  /** A higher one goes first. */
  readonly priority: number;
  /** When it began to wait, or to hold memory; in milliseconds of the injected clock. */
  readonly since: number;
}

/** A workload that fits its own budget and waits for admission. */
export interface Candidate extends Claimant {
  /** The largest of estimate, projection and measured footprint, in bytes. */
  readonly chargeBytes: number;
  /** Whether llama-server was asked already what it will reserve; if not, that comes first. */
  readonly projected: boolean;
}

/** A process that holds memory: one that is asked for its projection, starts, serves or stops. */
export interface Holder extends Claimant {
  /** The largest of estimate, projection and measured footprint, in bytes. */
  readonly chargeBytes: number;
  /** It starts, and has not taken its memory yet. */
  readonly loading: boolean;
  /** It is only asked what it will reserve. Its whole charge is kept free, because its start comes next. */
  readonly asked: boolean;
  /** What it holds by now is not known: its last memory sample failed, or it serves and has had none. */
  readonly unknown: boolean;
}

/** What admission decides about one candidate. */
export type Verdict =
  /** It may go on: to its projection, or to its start. */
  | { readonly kind: "starts" }
  /** It starts once the agents of this machine have agreed on it. */
  | { readonly kind: "reserves"; readonly message: string }
  /** `queuePosition` counts from 1; 1 starts next. */
  | { readonly kind: "waits"; readonly message: string; readonly queuePosition: number }
  /** It needs more than all models together may use here. */
  | { readonly kind: "refused"; readonly message: string };

/** So many are asked for their projection at a time: each is a process that reads a header, and prints a table. */
const MOST_ASKED = 4;

/**
 * Decides which candidates may go on now, by priority and then by name: to a projection, or one of them to its start.
 *
 * - All charges together never exceed the allocatable memory, those of projections included (LLMKube#469).
 * - One model loads at a time. The next one starts when the last is Ready, has taken its memory, or has had its time (settled.ts): one
 *   that hangs holds nobody up for long.
 * - A smaller candidate may overtake one that waits for memory, but only while the overtakers and the waiting one fit together.
 *   Otherwise a large model could wait for ever.
 * - Nothing starts while `hostWait` gives a reason, such as memory pressure of the machine.
 */
export function admit(
  candidates: readonly Candidate[],
  holders: readonly Holder[],
  allocatable: Allocatable,
  hostWait?: string,
): ReadonlyMap<WorkloadId, Verdict> {
  const verdicts = new Map<WorkloadId, Verdict>();
  const waiting: { readonly id: WorkloadId; readonly wait: string }[] = [];
  const blocker = hostWait ?? unmeasured(holders);
  const passed: Candidate[] = [];
  const taken = [...holders];
  for (const candidate of candidates.toSorted(byRank)) {
    const { id, chargeBytes, projected } = candidate;
    const tooLarge = exceedsAllocatable(chargeBytes, allocatable);
    if (tooLarge !== undefined) {
      verdicts.set(id, { kind: "refused", message: tooLarge });
      continue;
    }
    const wait =
      blocker ??
      (projected ? loadingWait(taken) : askedWait(taken)) ??
      memoryWait(candidate, taken, allocatable.bytes) ??
      turnWait(candidate, passed, taken, allocatable.bytes);
    if (wait === undefined) {
      verdicts.set(id, { kind: "starts" });
      taken.push({ ...candidate, since: LAST, loading: projected, asked: !projected, unknown: false });
    } else {
      waiting.push({ id, wait });
      passed.push(candidate);
    }
  }
  for (const [index, { id, wait }] of waiting.entries()) {
    const position = waiting.length === 1 ? "" : `; position ${index + 1} of ${waiting.length} in the queue`;
    verdicts.set(id, { kind: "waits", message: wait + position, queuePosition: index + 1 });
  }
  return verdicts;
}

/** The verdict on a candidate while the memory is not reserved yet among all agents of this machine. */
export function unreserved(verdict: Verdict | undefined): Verdict | undefined {
  return verdict?.kind === "starts" ? { kind: "reserves", message: "reserving memory on this machine" } : verdict;
}
/** For one that goes on only now: after everyone who waits. */
export const LAST = Number.POSITIVE_INFINITY;

function byRank(a: Claimant, b: Claimant): number {
  return b.priority - a.priority || (a.name < b.name || (a.name === b.name && a.id < b.id) ? -1 : 1);
}

function sumOf(claims: readonly { readonly chargeBytes: number }[]): number {
  return claims.reduce((sum, { chargeBytes }) => sum + chargeBytes, 0);
}

function unmeasured(holders: readonly Holder[]): string | undefined {
  const unknown = holders.find((holder) => holder.unknown);
  return unknown && `waits until the memory of ${unknown.name} can be measured`;
}

function loadingWait(holders: readonly Holder[]): string | undefined {
  const loading = holders.find((holder) => holder.loading);
  return loading && `waits for ${loading.name} to load; one model loads at a time`;
}

function askedWait(holders: readonly Holder[]): string | undefined {
  if (holders.filter(({ asked }) => asked).length < MOST_ASKED) return undefined;
  return "waits until llama-server has projected how much memory other models need";
}

function memoryWait({ chargeBytes }: Candidate, holders: readonly Holder[], allocatable: number): string | undefined {
  const free = Math.max(0, allocatable - sumOf(holders));
  if (chargeBytes <= free) return undefined;
  const held = holders.map((holder) => `${holder.name} ${formatBytes(holder.chargeBytes)}`).join(", ");
  const [short, need, left, all] = [chargeBytes - free, chargeBytes, free, allocatable].map(formatBytes);
  return `waits for ${short} of memory: it needs ${need}, and ${left} of ${all} are free; held by ${held}`;
}

/**
 * Why `candidate` must wait for one ahead of it; undefined if it may overtake all of them. It must wait for one that would no longer fit
 * beside the candidate and everything that has overtaken that one already.
 */
function turnWait(
  candidate: Candidate,
  ahead: readonly Candidate[],
  holders: readonly Holder[],
  allocatable: number,
): string | undefined {
  const starved = ahead.find((waiter) => {
    const overtakers = holders.filter((holder) => byRank(waiter, holder) < 0 && holder.since > waiter.since);
    return waiter.chargeBytes + candidate.chargeBytes + sumOf(overtakers) > allocatable;
  });
  return starved === undefined
    ? undefined
    : `waits for ${starved.name}, which is ahead in the queue and needs the memory`;
}
