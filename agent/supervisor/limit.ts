import { formatBytes } from "../../api/quantity.ts";
import type { FootprintHistory } from "../decisions/footprint.ts";
import { type KernelLimit, kernelLimitBytes } from "../kernel-limit/kernel-limit.ts";
import type { Exit } from "../llama-server/exit-reason.ts";
import type { Running } from "./entry.ts";

/**
 * Moves the kernel's limit after the budget, without a restart. Never below what the process holds: one that is over its new
 * budget is the watchdog's to drain.
 */
export function followBudget(
  running: Running,
  budgetBytes: number,
  { measuredBytes, unknown }: FootprintHistory,
  cap: KernelLimit,
) {
  const limitBytes = kernelLimitBytes(budgetBytes);
  if (limitBytes === running.limitBytes || unknown || measuredBytes === undefined) return;
  if (measuredBytes > budgetBytes) return;
  if (cap.move(running.workload.name, limitBytes)) running.limitBytes = limitBytes;
}

/** A killed process this close to its limit was ended by it, where the kernel does not say so itself. */
const AT_THE_LIMIT = 0.9;

/** What the kernel's limit has to do with the end of a server that nobody stopped; undefined: nothing. */
export function cappedMessage(
  { limitBytes, workload }: Running,
  exit: Exit,
  { measuredBytes = 0 }: FootprintHistory,
  cap: KernelLimit | undefined,
): string | undefined {
  if (cap === undefined || limitBytes === undefined) return undefined;
  const close = exit.signal === "SIGKILL" && measuredBytes >= limitBytes * AT_THE_LIMIT;
  if (!close && !cap.breached(workload.name)) return undefined;
  const budget = formatBytes(workload.budget.bytes);
  return `ended by the kernel at ${formatBytes(limitBytes)} (${cap.kind}), just above its budget ${budget}: raise memoryBudget, or lower contextSize or parallelSlots`;
}
