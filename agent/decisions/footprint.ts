import { formatBytes } from "../../api/quantity.ts";
import { type Budget, describeBudget } from "../../memory/budget.ts";
import { flatSince } from "./settled.ts";

/** What the memory samples of one process have shown so far. */
export interface FootprintHistory {
  /** The last successful sample, in bytes. */
  readonly measuredBytes?: number;
  /** When the last sample was requested, in milliseconds of the injected clock. */
  readonly sampledAt?: number;
  /** Samples over the budget since the last one within it. */
  readonly over: number;
  /** Close to the budget: from above 90 % of it until it falls to 85 % or below. */
  readonly near: boolean;
  /** Since when its memory is flat, in milliseconds of the injected clock; undefined while it grows. */
  readonly flatSince?: number | undefined;
  /** The last sample failed, so the watchdog cannot enforce the budget at the moment. */
  readonly unknown: boolean;
}

export const NO_SAMPLES: FootprintHistory = { over: 0, near: false, unknown: false };

/** A process is stopped after this many. One alone may be a lag in the kernel's accounting (docs/background/apple-memory.md, "Footprint"). */
const SAMPLES_OVER = 2;

/** Share of the budget above which the process is near it. */
const NEAR = 0.9;
/** Share above which it stays near once it was: a gap, so that the note does not flicker. */
const STILL_NEAR = 0.85;

/** Least time between two samples, a little under the second between ticks: a tick that was woken early takes none. */
const SAMPLE_INTERVAL_MS = 900;

/** Whether it is time for another sample. */
export function isSampleDue({ sampledAt }: Pick<FootprintHistory, "sampledAt">, now: number): boolean {
  return sampledAt === undefined || now - sampledAt >= SAMPLE_INTERVAL_MS;
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
    over: sample > budgetBytes ? before.over + 1 : 0,
    near: sample > budgetBytes * (before.near ? STILL_NEAR : NEAR),
    flatSince: flatSince(before, sample, now),
    unknown: false,
  };
}

/** Whether the process must be stopped now. */
export function exceeds({ unknown, over }: FootprintHistory): boolean {
  return !unknown && over >= SAMPLES_OVER;
}

export function exceededMessage({ measuredBytes = 0 }: FootprintHistory, budget: Budget): string {
  const enough = `${Math.ceil(measuredBytes / 2 ** 20)}Mi`;
  return `measured ${formatBytes(measuredBytes)}, ${describeBudget(budget)}: stopped to keep the machine safe; raise memoryBudget to at least ${enough}, or lower contextSize or parallelSlots`;
}

export function nearMessage({ measuredBytes = 0 }: FootprintHistory, budget: Budget): string {
  const percent = Math.round((measuredBytes / budget.bytes) * 100);
  return `near its budget: measured ${formatBytes(measuredBytes)}, ${percent} % of ${describeBudget(budget)}`;
}
