import { formatBytes } from "../../api/quantity.ts";
import { type Budget, describeBudget } from "../../memory/budget.ts";
import { flatSince } from "./settled.ts";

/** What the memory samples of one process have shown so far. */
export interface FootprintHistory {
  /** The last successful sample, in bytes. */
  readonly measuredBytes?: number;
  /**
   * The most that one of its processes has ever held at once, in bytes, as of the last sample. Undefined where the system does not tell:
   * macOS does.
   */
  readonly peakBytes?: number;
  /** That peak, if it was reached between the last two samples, and is above the budget in force then. */
  readonly peakOverBytes?: number | undefined;
  /** When the last sample was taken, in milliseconds of the injected clock. */
  readonly sampledAt?: number;
  /** Growth between the last two successful samples, in bytes a second; 0 before there are two. Negative while it shrinks. */
  readonly growth: number;
  /** Samples over the budget since the last one within it. */
  readonly over: number;
  /** Close to the budget: from above 90 % of it until it falls to 85 % or below. */
  readonly near: boolean;
  /** Since when its memory is flat, in milliseconds of the injected clock; undefined while it grows. */
  readonly flatSince?: number | undefined;
  /** The last sample failed, so the watchdog cannot enforce the budget at the moment. */
  readonly unknown: boolean;
}

export const NO_SAMPLES: FootprintHistory = { growth: 0, over: 0, near: false, unknown: false };

/** A process is stopped after this many: one may be a lag in the kernel's accounting (docs/background/apple-memory.md, "Footprint"). */
const SAMPLES_OVER = 2;

/** Share of the budget above which the process is near it. */
const NEAR = 0.9;
/** Share above which it stays near once it was: a gap, so that the note does not flicker. */
const STILL_NEAR = 0.85;

/** Milliseconds between two samples of a process that is far from its budget. */
export const SAMPLE_INTERVAL_MS = 1000;
/** Between two samples of a process that is over its budget, but below its hard limit. */
const OVER_INTERVAL_MS = 500;
/** Between two samples of a process that is above its hard limit, or will be over its budget by then if it grows on. */
const SHORTEST_INTERVAL_MS = 250;

/**
 * Milliseconds until the next sample: the sooner, the sooner the process can be over its budget. So fast growth is noticed when it
 * happens and not a second later, in which it can fill the machine.
 */
export function nextSampleMs(
  { measuredBytes, growth }: FootprintHistory,
  budgetBytes: number,
  hardLimitBytes: number,
): number {
  if (measuredBytes === undefined) return SAMPLE_INTERVAL_MS;
  if (measuredBytes > hardLimitBytes) return SHORTEST_INTERVAL_MS;
  if (measuredBytes > budgetBytes) return OVER_INTERVAL_MS;
  if (growth <= 0) return SAMPLE_INTERVAL_MS;
  const untilOverMs = ((budgetBytes - measuredBytes) / growth) * 1000;
  return Math.min(SAMPLE_INTERVAL_MS, Math.max(SHORTEST_INTERVAL_MS, untilOverMs));
}

/** The history after one more sample, compared with the budget in force. A failed sample (null) proves nothing. */
export function withSample(
  before: FootprintHistory,
  sample: number | null,
  budgetBytes: number,
  now: number,
): FootprintHistory {
  if (sample === null) return { ...before, sampledAt: now, unknown: true };
  return {
    measuredBytes: sample,
    sampledAt: now,
    growth: growthOf(before, sample, now),
    over: sample > budgetBytes ? before.over + 1 : 0,
    near: sample > budgetBytes * (before.near ? STILL_NEAR : NEAR),
    flatSince: flatSince(before, sample, now),
    unknown: false,
  };
}

function growthOf({ measuredBytes, sampledAt }: FootprintHistory, sample: number, now: number): number {
  if (measuredBytes === undefined || sampledAt === undefined || now <= sampledAt) return 0;
  return ((sample - measuredBytes) * 1000) / (now - sampledAt);
}

/** Whether the process must be stopped now. */
export function exceeds({ unknown, over }: FootprintHistory): boolean {
  return !unknown && over >= SAMPLES_OVER;
}

/**
 * The last sample of a server that is Ready, in bytes; undefined until one was taken since then: an earlier one may have seen it half
 * loaded, and is older than the state that it would be shown with.
 *
 * @param readyAt since when it is Ready, in milliseconds of the injected clock
 */
export function measuredWhenReady(
  { measuredBytes, sampledAt = 0 }: FootprintHistory,
  readyAt: number,
): number | undefined {
  return sampledAt < readyAt ? undefined : measuredBytes;
}

/** A server that has read its weights holds at least this share of them, whatever else it holds. */
const PLAUSIBLE = 0.5;

/**
 * Why the footprint of a server that is Ready cannot be all that it uses, as a sentence; undefined if it can. Its weights are read into
 * its own memory, so they must show in the footprint.
 *
 * @param readyAt as of {@link measuredWhenReady}
 */
export function implausibleNote(history: FootprintHistory, weightsBytes: number, readyAt: number): string | undefined {
  const measuredBytes = measuredWhenReady(history, readyAt);
  if (measuredBytes === undefined || measuredBytes >= weightsBytes * PLAUSIBLE) return undefined;
  const [measured, weights] = [measuredBytes, weightsBytes].map(formatBytes);
  return `enforcement unknown: measured ${measured}, but its weights alone are ${weights}: they are not in its own memory, where the budget could hold them`;
}

export function exceededMessage({ measuredBytes = 0 }: FootprintHistory, budget: Budget): string {
  const enough = `${Math.ceil(measuredBytes / 2 ** 20)}Mi`;
  return `measured ${formatBytes(measuredBytes)}, ${describeBudget(budget)}: stopped to keep the machine safe; raise memoryBudget to at least ${enough}, or lower contextSize or parallelSlots`;
}

/** A note while the process is near its budget; undefined while it is not, as after a budget that was raised since the last sample. */
export function nearNote({ measuredBytes = 0, near }: FootprintHistory, budget: Budget): string | undefined {
  if (!near || measuredBytes <= budget.bytes * STILL_NEAR) return undefined;
  const percent = Math.round((measuredBytes / budget.bytes) * 100);
  const place = measuredBytes > budget.bytes ? "over" : "near";
  return `${place} its budget: measured ${formatBytes(measuredBytes)}, ${percent} % of ${describeBudget(budget)}`;
}
