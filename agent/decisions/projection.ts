import { formatBytes } from "../../api/quantity.ts";
import { type Budget, describeBudget } from "../../memory/budget.ts";

/** What llama-server says it will reserve, in bytes; null: it did not say. */
export type Projected = number | null;

/** Of one workload: the settings that llama-server was asked about, and what it said. No `bytes`: it is being asked. */
export interface Projection {
  readonly specHash: string;
  readonly bytes?: Projected;
}

/** Why a projection stands in the way of a start, as a sentence; undefined: it does not. */
export function projectionRefusal({ bytes }: Projection, budget: Budget): string | undefined {
  if (bytes === undefined || bytes === null || bytes <= budget.bytes) return undefined;
  return `llama-server itself projects ${formatBytes(bytes)}, ${describeBudget(budget)}: raise memoryBudget, or lower contextSize or parallelSlots`;
}

/** Parts of an estimate that llama-server's breakdown knows as well: it is about the model alone. */
const PROJECTED_PARTS = ["weights", "kv", "recurrent", "computeDevice", "computeHost", "output"] as const;
/** Above this share the two are worth a person's look, as soon as it is more than rows rounded to whole MiB. */
const DRIFT = 0.05;
const DRIFT_BYTES = 24 * 2 ** 20;

/** A sentence where estimate and projection of the same parts differ by more than they should; undefined: they agree. */
export function driftNote(
  projected: Projected | undefined,
  parts: Readonly<Record<string, number>>,
): string | undefined {
  if (projected === undefined || projected === null) return undefined;
  const estimated = PROJECTED_PARTS.reduce((sum, part) => sum + (parts[part] ?? 0), 0);
  const apart = Math.abs(projected - estimated);
  if (apart <= Math.max(DRIFT * estimated, DRIFT_BYTES)) return undefined;
  const [said, counted] = [projected, estimated].map(formatBytes);
  return `the estimate and llama-server differ: it projects ${said}, the estimate is ${counted}; please report the model`;
}
