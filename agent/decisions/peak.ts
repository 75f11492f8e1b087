import { formatBytes } from "../../api/quantity.ts";
import { type Budget, describeBudget } from "../../memory/budget.ts";
import { type FootprintHistory, SAMPLE_INTERVAL_MS } from "./footprint.ts";

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

/**
 * No process fills memory faster than this, in bytes a second: each fresh page is zeroed by the kernel first. Chosen far above what one
 * machine was seen to do, so that a process that has reached its limit never counts as one that somebody killed.
 */
const FASTEST_GROWTH = 16 * 2 ** 30;

/**
 * Whether a process can have grown to its limit since it was last measured, though it was far from it then. True where that is not known:
 * whoever really reaches a limit must not be started again as soon as one that crashed.
 *
 * @param now milliseconds of the injected clock
 */
export function canHaveReached(
  { measuredBytes, sampledAt, unknown, growth }: FootprintHistory,
  limitBytes: number,
  now: number,
): boolean {
  if (measuredBytes === undefined || sampledAt === undefined || unknown) return true;
  // A sample of a process that the kernel is just ending shows what is left of it: the one before counts.
  const held = measuredBytes + Math.max(0, -growth);
  const sinceMs = Math.max(now - sampledAt, SAMPLE_INTERVAL_MS);
  return held + (FASTEST_GROWTH * sinceMs) / 1000 >= limitBytes;
}
