import { formatBytes } from "../../api/quantity.ts";
import { describeBudget } from "../../memory/budget.ts";
import type { FootprintHistory } from "../decisions/footprint.ts";
import { canHaveReached, peakMessage } from "../decisions/peak.ts";
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

const REMEDY = "raise memoryBudget, or lower contextSize or parallelSlots";

/**
 * Why a server that the agent did not stop has died of its memory, as a sentence; undefined if it did not, as far as can be told: the
 * kernel's limit killed it, or it was over its budget between the last two samples. Where a limit is in force of which the kernel keeps
 * no record, a SIGKILL that nothing else explains is taken for its work, if the process can have passed it since the last sample.
 */
export function breachMessage(
  { limitBytes, inForce: { id, budget } }: Running,
  exit: Exit,
  footprint: FootprintHistory,
  kernelLimit: KernelLimit | undefined,
  now: number,
): string | undefined {
  const peak = peakMessage(footprint, exit, budget);
  if (kernelLimit === undefined || limitBytes === undefined) return peak;
  const limit = `limit of ${formatBytes(limitBytes)} (${kernelLimit.kind}), just above the ${describeBudget(budget)}`;
  const { measuredBytes = 0, peakOverBytes = 0 } = footprint;
  const isKilled = exit.signal === "SIGKILL";
  const record = kernelLimit.breached(fileNameOf(id));
  const close = isKilled && Math.max(measuredBytes, peakOverBytes) >= limitBytes * CLOSE_TO_LIMIT;
  if (close || record === true) return `killed by the kernel at its ${limit}: ${REMEDY}`;
  if (peak !== undefined || !isKilled || record !== undefined) return peak;
  if (!canHaveReached(footprint, limitBytes, now)) return undefined;
  return `killed (SIGKILL), most likely by the kernel at its ${limit}, which it passed within a second; it held ${formatBytes(measuredBytes)} when it was last measured: ${REMEDY}`;
}
