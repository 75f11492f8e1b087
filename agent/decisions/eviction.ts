import { formatBytes } from "../../api/quantity.ts";
import type { WorkloadId } from "../workload/workload-id.ts";
import { mustEvict, type Pressure } from "./pressure.ts";

/** A process that holds memory, with what eviction needs to rank it. */
export interface Evictable<Key extends string = WorkloadId> {
  readonly id: Key;
  /** The lowest is evicted first. */
  readonly priority: number;
  /** `spec.evictionProtection`. */
  readonly protected: boolean;
  /** The larger of estimate and measured footprint, in bytes. */
  readonly chargeBytes: number;
  readonly budgetBytes: number;
  /** In milliseconds of the injected clock. */
  readonly startedAt: number;
  /** Already stopping, or about to stop: its memory will be freed without an eviction. */
  readonly leaving: boolean;
  /** It works on a request of a gateway. Default: false, as where nobody knows. */
  readonly busy?: boolean;
}

/** A process with a smaller charge is never evicted: it would free too little to help. */
const MIN_EVICTABLE_BYTES = 64 * 2 ** 20;

/**
 * The workload to evict under memory pressure, one at a time: lowest priority first, then furthest over its budget, then one that
 * works on no request, then largest, then oldest (docs/background/llmkube.md, "Eviction order"). A protected workload is never evicted, nor the only one that is left
 * (LLMKube#383). Nothing is evicted while another process stops, because the memory that it frees does not show yet.
 */
export function victimOf(pressure: Pressure, holders: readonly Evictable[]): WorkloadId | undefined {
  if (!mustEvict(pressure) || holders.length < 2) return undefined;
  return first(holders, (holder) => !holder.protected);
}

/**
 * The one to evict because all models together hold more than they may use: the same order, but protection only puts a workload last,
 * and the only one that is left goes too. The machine's share is a promise to everything else that runs on it.
 */
export function victimOfShare<Key extends string>(holders: readonly Evictable<Key>[]): Key | undefined {
  return first(holders, (holder) => !holder.protected) ?? first(holders, (holder) => holder.protected);
}

function first<Key extends string>(
  holders: readonly Evictable<Key>[],
  among: (holder: Evictable<Key>) => boolean,
): Key | undefined {
  if (holders.some(({ leaving }) => leaving)) return undefined;
  const candidates = holders.filter((holder) => among(holder) && holder.chargeBytes >= MIN_EVICTABLE_BYTES);
  return candidates.toSorted(byEvictionOrder)[0]?.id;
}

function byEvictionOrder(a: Evictable<string>, b: Evictable<string>): number {
  return (
    a.priority - b.priority ||
    overage(b) - overage(a) ||
    Number(a.busy ?? false) - Number(b.busy ?? false) ||
    b.chargeBytes - a.chargeBytes ||
    a.startedAt - b.startedAt ||
    (a.id < b.id ? -1 : 1)
  );
}

function overage({ chargeBytes, budgetBytes }: Evictable<string>): number {
  return Math.max(0, chargeBytes - budgetBytes);
}

/** The last eviction of one workload. */
export interface Eviction {
  /** In milliseconds of the injected clock. */
  readonly at: number;
  /** Evictions in a row, each within an hour of the one before. */
  readonly times: number;
}

/** Cooldown after the first eviction; it doubles with each further one, up to the longest. */
const FIRST_COOLDOWN_MS = 30_000;
const LONGEST_COOLDOWN_MS = 600_000;
/** After this long without an eviction, the next one counts as the first. */
const COOLDOWN_RESET_MS = 3_600_000;

export function evictedAgain(before: Eviction | undefined, now: number): Eviction {
  const again = before !== undefined && now - before.at < COOLDOWN_RESET_MS;
  return { at: now, times: again ? before.times + 1 : 1 };
}

/**
 * Milliseconds until an evicted workload may start again; 0 when it may start now. The cooldown runs only while memory pressure is
 * normal: Infinity means that it is not normal yet.
 */
export function cooldownLeftMs({ at, times }: Eviction, { normalSince }: Pressure, now: number): number {
  const cooldownMs = Math.min(LONGEST_COOLDOWN_MS, FIRST_COOLDOWN_MS * 2 ** (times - 1));
  if (normalSince === undefined) return Number.POSITIVE_INFINITY;
  return Math.max(0, Math.max(normalSince, at) + cooldownMs - now);
}

export function evictedMessage(chargeBytes: number): string {
  return `evicted to free ${formatBytes(chargeBytes)}: the machine is critically short of memory`;
}

/** Why one is evicted though the machine itself has memory left. */
export function overShareMessage(chargeBytes: number, sumBytes: number, shareBytes: number): string {
  const [charge, sum, share] = [chargeBytes, sumBytes, shareBytes].map(formatBytes);
  return `evicted to free ${charge}: all models together hold ${sum}, and may use ${share}`;
}

export function returnMessage(leftMs: number): string {
  return Number.isFinite(leftMs)
    ? `evicted to free memory; it restarts in ${Math.ceil(leftMs / 1000)} s if memory pressure stays normal`
    : "evicted to free memory; it restarts once memory pressure has been normal for a while";
}
