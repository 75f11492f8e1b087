import { formatBytes } from "../../api/quantity.ts";
import type { WorkloadId } from "../workload/workload-id.ts";
import { mustEvict, type Pressure } from "./pressure.ts";

/** A process that holds memory, as eviction sees it. */
export interface Evictable {
  readonly id: WorkloadId;
  /** A lower one gives way first. */
  readonly priority: number;
  /** `spec.evictionProtection`. */
  readonly protected: boolean;
  /** The larger of estimate and measured, in bytes. */
  readonly chargeBytes: number;
  readonly budgetBytes: number;
  /** In the clock's milliseconds. */
  readonly startedAt: number;
  /** On its way out already: its memory comes back without anybody else's going. */
  readonly leaving: boolean;
}

/** Less than this does not help a machine: a smaller one is never evicted. */
const GUARD_BYTES = 64 * 2 ** 20;

/**
 * Who gives way now, one at a time: lowest priority first, then who is furthest over the budget, then the largest, then the
 * oldest (docs/background/llmkube.md, "Eviction order"). Never a protected one, and never the last one (LLMKube#383).
 * Nobody while another one is leaving: what that frees is not seen yet.
 */
export function victimOf(pressure: Pressure, holders: readonly Evictable[]): WorkloadId | undefined {
  if (!mustEvict(pressure) || holders.length < 2 || holders.some(({ leaving }) => leaving)) return undefined;
  const candidates = holders.filter((holder) => !holder.protected && holder.chargeBytes >= GUARD_BYTES);
  return candidates.toSorted(byWorth)[0]?.id;
}

function byWorth(a: Evictable, b: Evictable): number {
  return (
    a.priority - b.priority ||
    overage(b) - overage(a) ||
    b.chargeBytes - a.chargeBytes ||
    a.startedAt - b.startedAt ||
    (a.id < b.id ? -1 : 1)
  );
}

function overage({ chargeBytes, budgetBytes }: Evictable): number {
  return Math.max(0, chargeBytes - budgetBytes);
}

/** Of one workload: when it was evicted last, and how often lately. */
export interface Eviction {
  readonly at: number;
  readonly times: number;
}

/** Calm that the first eviction asks for before the way back; each further one asks for twice as much, up to the longest. */
const FIRST_COOLDOWN_MS = 30_000;
const LONGEST_COOLDOWN_MS = 600_000;
/** After this long without another one, an eviction counts as the first again. */
const FORGIVEN_MS = 3_600_000;

export function evictedAgain(before: Eviction | undefined, now: number): Eviction {
  const again = before !== undefined && now - before.at < FORGIVEN_MS;
  return { at: now, times: again ? before.times + 1 : 1 };
}

/** Milliseconds of calm still to come before an evicted workload may start again; 0: it may; Infinity: no calm yet. */
export function cooldownLeftMs({ at, times }: Eviction, { normalSince }: Pressure, now: number): number {
  const calm = Math.min(LONGEST_COOLDOWN_MS, FIRST_COOLDOWN_MS * 2 ** (times - 1));
  if (normalSince === undefined) return Number.POSITIVE_INFINITY;
  return Math.max(0, Math.max(normalSince, at) + calm - now);
}

export function evictedMessage(chargeBytes: number): string {
  return `gave back ${formatBytes(chargeBytes)}, because the machine is critically short of memory`;
}

export function returnMessage(leftMs: number): string {
  return Number.isFinite(leftMs)
    ? `evicted for want of memory on this machine; back in ${Math.ceil(leftMs / 1000)} s if the pressure stays normal`
    : "evicted for want of memory on this machine; back when the pressure has been normal for a while";
}
