import { formatBytes } from "../../api/quantity.ts";
import type { FootprintHistory } from "../decisions/footprint.ts";
import { type KernelLimit, kernelLimitBytes } from "../kernel-limit/kernel-limit.ts";
import type { Exit } from "../llama-server/exit-reason.ts";
import { fileNameOf } from "../workload/workload-id.ts";
import type { Running } from "./running.ts";

/**
 * Moves the kernel's limit after the budget in force, without a restart; gives the limit that holds after it. Never below what the
 * process holds: one that is over its new budget is the watchdog's to drain.
 */
export function followBudget(
  { inForce, limitBytes }: Running,
  { measuredBytes, unknown }: FootprintHistory,
  kernelLimit: KernelLimit,
): number | undefined {
  const wanted = kernelLimitBytes(inForce.budget.bytes);
  if (wanted === limitBytes || unknown || measuredBytes === undefined) return limitBytes;
  if (measuredBytes > inForce.budget.bytes) return limitBytes;
  return kernelLimit.move(fileNameOf(inForce.id), wanted) ? wanted : limitBytes;
}

/** A killed process this close to its limit was ended by it, where the kernel does not say so itself. */
const AT_THE_LIMIT = 0.9;

/** What the kernel's limit has to do with the end of a server that nobody stopped; undefined: nothing. */
export function limitMessage(
  { limitBytes, inForce }: Running,
  exit: Exit,
  { measuredBytes = 0 }: FootprintHistory,
  kernelLimit: KernelLimit | undefined,
): string | undefined {
  if (kernelLimit === undefined || limitBytes === undefined) return undefined;
  const close = exit.signal === "SIGKILL" && measuredBytes >= limitBytes * AT_THE_LIMIT;
  if (!close && !kernelLimit.breached(fileNameOf(inForce.id))) return undefined;
  const budget = formatBytes(inForce.budget.bytes);
  return `ended by the kernel at ${formatBytes(limitBytes)} (${kernelLimit.kind}), just above its budget ${budget}: raise memoryBudget, or lower contextSize or parallelSlots`;
}
