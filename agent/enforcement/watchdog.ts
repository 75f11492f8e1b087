import { type Budget, describeBudget } from "../../memory/budget.ts";
import { formatBytes } from "../../memory/quantity.ts";

/** What the samples of one process have shown so far. */
export interface Watch {
  /** The last sample that could be taken, in bytes. */
  readonly measuredBytes?: number;
  /** When the last sample was asked for, in the clock's milliseconds. */
  readonly sampledAt?: number;
  /** Samples over budget since the last one within it. */
  readonly over: number;
  /** The last sample failed: the budget is not enforced at the moment. */
  readonly unknown: boolean;
}

export const UNWATCHED: Watch = { over: 0, unknown: false };

/** One sample may be a lag of the kernel's books (apple-memory.md §3); two are an answer. */
const SAMPLES_OVER = 2;

/** Two samples of one moment are one answer: ticks that something woke early take none. A little under a tick's second. */
const APART_MS = 900;

/** Whether it is time for another sample. */
export function isSampleDue({ sampledAt }: Watch, now: number): boolean {
  return sampledAt === undefined || now - sampledAt >= APART_MS;
}

/** The watch after one more sample, against the budget of this moment. A missing sample (null) proves nothing. */
export function watched(before: Watch, sample: number | null, budgetBytes: number, now: number): Watch {
  if (sample === null) return { ...before, sampledAt: now, unknown: true };
  return {
    measuredBytes: sample,
    sampledAt: now,
    over: sample > budgetBytes ? before.over + 1 : 0,
    unknown: false,
  };
}

/** Whether the process must go now. */
export function exceeds(watch: Watch): boolean {
  return !watch.unknown && watch.over >= SAMPLES_OVER;
}

export function exceededMessage({ measuredBytes = 0 }: Watch, budget: Budget): string {
  const enough = `${Math.ceil(measuredBytes / 2 ** 20)}Mi`;
  return `measured ${formatBytes(measuredBytes)}, ${describeBudget(budget)}: stopped to keep the machine safe; raise memoryBudget to at least ${enough}, or lower contextSize or parallelSlots`;
}
