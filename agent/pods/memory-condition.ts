import { MiB } from "../../api/bytes.ts";
import { formatMemory, type MemoryNumbers, parseMemory } from "../../api/fleet-memory.ts";
import type { WorkloadStatus } from "../status/status.ts";

/** What a person or the controller reads of the memory of a replica. */
export interface MemoryView {
  readonly status: "True" | "False";
  readonly reason: string;
  readonly message: string;
}

/** A number that moves by more than this share of itself, or by more than this many bytes, is news. */
const MOVED_SHARE = 0.05;
const MOVED_BYTES = 64 * MiB;
/** How often numbers that move are news, in milliseconds. */
export const MEMORY_PAUSE_MS = 60_000;

/** Undefined where no budget is known: then nothing is known about memory at all. */
export function memoryNow(workload: WorkloadStatus): MemoryView | undefined {
  const { budget, estimateBytes, projectedBytes, measuredBytes } = workload;
  if (budget === undefined) return undefined;
  const numbers: MemoryNumbers = {
    ...{ budgetBytes: budget.bytes, budgetSource: budget.source },
    ...{ estimateBytes, projectedBytes, measuredBytes },
  };
  // What is measured is true; the others are what is expected of it.
  const largest = measuredBytes ?? Math.max(estimateBytes ?? 0, projectedBytes ?? 0);
  const inside = largest <= budget.bytes;
  return {
    status: inside ? "True" : "False",
    reason: inside ? "WithinBudget" : "OverBudget",
    message: formatMemory(numbers),
  };
}

/**
 * What to say now, when `said` was said last and `sinceMs` ago: the same again while numbers only wobble, since every write wakes whoever
 * watches pods. A first number, another budget, and a step over
 * it or back are said at once.
 */
export function memorySaid(now: MemoryView, said: MemoryView | undefined, sinceMs: number): MemoryView {
  const before = said === undefined ? undefined : parseMemory(said.message);
  const after = parseMemory(now.message);
  if (said === undefined || before === undefined || after === undefined || said.status !== now.status) return now;
  if (before.budgetBytes !== after.budgetBytes || before.budgetSource !== after.budgetSource) return now;
  const fields = ["estimateBytes", "projectedBytes", "measuredBytes"] as const;
  if (fields.some((field) => before[field] === undefined && after[field] !== undefined)) return now;
  if (sinceMs < MEMORY_PAUSE_MS) return said;
  return fields.some((field) => isNews(before[field], after[field])) ? now : said;
}

function isNews(before: number | undefined, now: number | undefined): boolean {
  if (before === undefined || now === undefined) return before !== now;
  const moved = Math.abs(now - before);
  return moved > MOVED_BYTES || moved > before * MOVED_SHARE;
}
