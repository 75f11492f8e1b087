import { formatBytes } from "../../api/quantity.ts";
import { type Budget, describeBudget } from "../../memory/budget.ts";
import type { FootprintHistory } from "./footprint.ts";

/**
 * The history with the peak that was read along with its last sample. A peak stops nothing: it may be over, and the footprint follows a
 * release of memory late (docs/background/apple-memory.md, "Footprint"). It tells why a process has died that grew faster than it was
 * sampled. The first peak of a process may be older than its budget, and proves nothing about it.
 *
 * @param peakBytes undefined where the system does not tell
 */
export function withPeak(
  before: FootprintHistory,
  after: FootprintHistory,
  peakBytes: number | undefined,
  budgetBytes: number,
): FootprintHistory {
  if (peakBytes === undefined) return after;
  const isNew = before.peakBytes !== undefined && peakBytes > before.peakBytes;
  return { ...after, peakBytes, peakOverBytes: isNew && peakBytes > budgetBytes ? peakBytes : undefined };
}

/** How a process ends that could not get memory, or that the system ended for the memory it held. Null: it is not known how it ended. */
const ENDS_FOR_MEMORY: readonly (NodeJS.Signals | null)[] = ["SIGKILL", "SIGABRT", "SIGBUS", null];

/**
 * Why a process has died that nobody stopped, if it was over its budget between the last two samples, as a sentence; undefined if it
 * was not, or if it ended in another way.
 */
export function peakMessage(
  { peakOverBytes }: FootprintHistory,
  { code, signal }: { readonly code: number | null; readonly signal: NodeJS.Signals | null },
  budget: Budget,
): string | undefined {
  if (peakOverBytes === undefined || code !== null || !ENDS_FOR_MEMORY.includes(signal)) return undefined;
  return `ended (${signal ?? "how is not known"}) after it had held ${formatBytes(peakOverBytes)} between two samples, above the ${describeBudget(budget)}: raise memoryBudget, or lower contextSize or parallelSlots`;
}
