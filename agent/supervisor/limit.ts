import { formatBytes } from "../../api/quantity.ts";
import { describeBudget } from "../../memory/budget.ts";
import type { FootprintHistory } from "../decisions/footprint.ts";
import { type KernelLimit, kernelLimitBytes } from "../kernel-limit/kernel-limit.ts";
import type { Exit } from "../llama-server/exit-reason.ts";
import { fileNameOf } from "../workload/workload-id.ts";
import type { Running } from "./running.ts";

/**
 * Adjusts the kernel's limit to the budget in force, without a restart. Returns the limit in bytes that applies afterwards; undefined
 * when there is none. A process that is already over its new budget keeps its limit, so that the watchdog drains it first.
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

/** A process that was killed at this share of its limit counts as killed by it, if the kernel keeps no record of such kills. */
const CLOSE_TO_LIMIT = 0.9;

/** A message if the kernel's limit killed a server that the agent did not stop; undefined if it did not. */
export function limitMessage(
  { limitBytes, inForce }: Running,
  exit: Exit,
  { measuredBytes = 0 }: FootprintHistory,
  kernelLimit: KernelLimit | undefined,
): string | undefined {
  if (kernelLimit === undefined || limitBytes === undefined) return undefined;
  const close = exit.signal === "SIGKILL" && measuredBytes >= limitBytes * CLOSE_TO_LIMIT;
  if (!close && !kernelLimit.breached(fileNameOf(inForce.id))) return undefined;
  return `killed by the kernel at its limit of ${formatBytes(limitBytes)} (${kernelLimit.kind}), just above the ${describeBudget(inForce.budget)}: raise memoryBudget, or lower contextSize or parallelSlots`;
}
