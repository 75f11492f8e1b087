import { formatBytes } from "../../api/quantity.ts";
import { type Budget, describeBudget } from "../../memory/budget.ts";

/** How much memory llama-server says it will reserve, in bytes; null when it does not say. */
export type Projected = number | null;

/** The projection of one workload. */
export interface Projection {
  /** Hash of the settings that llama-server was asked about. */
  readonly specHash: string;
  /** Undefined while llama-server is being asked. */
  readonly bytes?: Projected;
}

/** Why a projection prevents a start, as a sentence; undefined when it does not. */
export function projectionRefusal({ bytes }: Projection, budget: Budget): string | undefined {
  if (bytes === undefined || bytes === null || bytes <= budget.bytes) return undefined;
  return `projected ${formatBytes(bytes)} required by llama-server, ${describeBudget(budget)}: raise memoryBudget, or lower contextSize or parallelSlots`;
}

/** Parts of the estimate that llama-server's memory breakdown counts too. It covers the model alone, not the process. */
const PROJECTED_PARTS = [
  "weights",
  "tiedCopy",
  "kv",
  "recurrent",
  "computeDevice",
  "computeHost",
  "attentionHost",
  "output",
] as const;
/** Share of the estimate above which a difference is reported. */
const DRIFT = 0.05;
/** Smaller differences are not reported: the rows of the breakdown are rounded to whole MiB. */
const DRIFT_BYTES = 24 * 2 ** 20;

/** A note when estimate and projection of the same parts differ by more than 5 % and 24 MiB; undefined when they agree. */
export function driftNote(
  projected: Projected | undefined,
  parts: Readonly<Record<string, number>>,
): string | undefined {
  if (projected === undefined || projected === null) return undefined;
  const estimated = PROJECTED_PARTS.reduce((sum, part) => sum + (parts[part] ?? 0), 0);
  const apart = Math.abs(projected - estimated);
  if (apart <= Math.max(DRIFT * estimated, DRIFT_BYTES)) return undefined;
  const [said, counted] = [projected, estimated].map(formatBytes);
  return `estimate and projection differ by more than 5 %: llama-server projects ${said}, the estimate is ${counted}; please report this model`;
}
