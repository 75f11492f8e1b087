import { formatBytes } from "../../api/quantity.ts";
import { type Budget, describeBudget } from "../../memory/budget.ts";

/** What the samples of one process have shown so far. */
export interface FootprintHistory {
  /** The last sample that could be taken, in bytes. */
  readonly measuredBytes?: number;
  /** When the last sample was asked for, in the clock's milliseconds. */
  readonly sampledAt?: number;
  /** Samples over budget since the last one within it. */
  readonly over: number;
  /** It is close to its budget, and has been since it came so close. */
  readonly near: boolean;
  /** The last sample failed: the budget is not enforced at the moment. */
  readonly unknown: boolean;
}

export const NO_SAMPLES: FootprintHistory = { over: 0, near: false, unknown: false };

/** One sample may be a lag of the kernel's books (docs/background/apple-memory.md, "Footprint"); two are an answer. */
const SAMPLES_OVER = 2;

/** Shares of the budget above which it is near, and below which it no longer is. */
const NEAR = 0.9;
const FAR = 0.85;

/** Two samples of one moment are one answer: ticks that something woke early take none. A little under a tick's second. */
const APART_MS = 900;

/** Whether it is time for another sample. */
export function isSampleDue({ sampledAt }: Pick<FootprintHistory, "sampledAt">, now: number): boolean {
  return sampledAt === undefined || now - sampledAt >= APART_MS;
}

/** The watch after one more sample, against the budget of this moment. A missing sample (null) proves nothing. */
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
    near: sample > budgetBytes * (before.near ? FAR : NEAR),
    unknown: false,
  };
}

/** Whether the process must go now. */
export function exceeds(watch: FootprintHistory): boolean {
  return !watch.unknown && watch.over >= SAMPLES_OVER;
}

export function exceededMessage({ measuredBytes = 0 }: FootprintHistory, budget: Budget): string {
  const enough = `${Math.ceil(measuredBytes / 2 ** 20)}Mi`;
  return `measured ${formatBytes(measuredBytes)}, ${describeBudget(budget)}: stopped to keep the machine safe; raise memoryBudget to at least ${enough}, or lower contextSize or parallelSlots`;
}

export function nearMessage({ measuredBytes = 0 }: FootprintHistory, budget: Budget): string {
  const percent = Math.round((measuredBytes / budget.bytes) * 100);
  return `near its budget: measured ${formatBytes(measuredBytes)}, ${percent} % of ${describeBudget(budget)}`;
}
