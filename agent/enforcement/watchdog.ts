import { type Budget, describeBudget } from "../../memory/budget.ts";
import { formatBytes } from "../../memory/quantity.ts";

/** What the samples of one process have shown so far. */
export interface Watch {
  /** The last sample that could be taken, in bytes. */
  readonly measuredBytes?: number;
  /** Samples over budget since the last one within it. */
  readonly over: number;
  /** The last sample failed: the budget is not enforced at the moment. */
  readonly unknown: boolean;
}

export const UNWATCHED: Watch = { over: 0, unknown: false };

/** One sample may be a lag of the kernel's books (apple-memory.md §3); two are an answer. */
const SAMPLES_OVER = 2;

/** The watch after one more sample, against the budget of this moment. A missing sample (null) proves nothing. */
export function watched(before: Watch, sample: number | null, budgetBytes: number): Watch {
  if (sample === null) return { ...before, unknown: true };
  return { measuredBytes: sample, over: sample > budgetBytes ? before.over + 1 : 0, unknown: false };
}

/** Whether the process must go now. */
export function exceeds(watch: Watch): boolean {
  return !watch.unknown && watch.over >= SAMPLES_OVER;
}

export function exceededMessage(watch: Watch, budget: Budget): string {
  return `measured ${formatBytes(watch.measuredBytes ?? 0)}, ${describeBudget(budget)}: stopped to keep the machine safe; raise the budget, or lower the context or the number of slots`;
}
