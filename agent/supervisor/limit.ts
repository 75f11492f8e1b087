import { formatBytes } from "../../api/quantity.ts";
import { describeBudget } from "../../memory/budget.ts";
import type { FootprintHistory } from "../decisions/footprint.ts";
import { peakMessage } from "../decisions/peak.ts";
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

/**
 * Why a server that the agent did not stop has died of its memory, as a sentence; undefined if it did not, as far as can be told: the
 * kernel's limit killed it, or it was over its budget between the last two samples.
 */
export function breachMessage(
  { limitBytes, inForce }: Running,
  exit: Exit,
  footprint: FootprintHistory,
  kernelLimit: KernelLimit | undefined,
): string | undefined {
  const { measuredBytes = 0, peakOverBytes = 0 } = footprint;
  if (kernelLimit === undefined || limitBytes === undefined) return peakMessage(footprint, exit, inForce.budget);
  const most = Math.max(measuredBytes, peakOverBytes);
  const close = exit.signal === "SIGKILL" && most >= limitBytes * CLOSE_TO_LIMIT;
  if (!close && kernelLimit.breached(fileNameOf(inForce.id)) !== true) {
    return peakMessage(footprint, exit, inForce.budget);
  }
  return `killed by the kernel at its limit of ${formatBytes(limitBytes)} (${kernelLimit.kind}), just above the ${describeBudget(inForce.budget)}: raise memoryBudget, or lower contextSize or parallelSlots`;
}

/** What to say of a SIGKILL that nothing else explains: a limit of which the kernel keeps no record may have been passed within a second. */
export function limitInForce(
  { limitBytes, inForce }: Running,
  kernelLimit: KernelLimit | undefined,
): string | undefined {
  if (limitBytes === undefined || kernelLimit?.breached(fileNameOf(inForce.id)) !== undefined) return undefined;
  return kernelLimit && `its limit of ${formatBytes(limitBytes)} (${kernelLimit.kind})`;
}
