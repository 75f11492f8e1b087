import { formatBytes } from "../../api/quantity.ts";
import { type Budget, describeBudget } from "../../memory/budget.ts";
import { type Parts, servingBytes } from "../../memory/prompt-cache.ts";

/** How much memory llama-server says it will reserve, in bytes; null when it does not say. */
export type Projected = number | null;

/** What an answer depends on besides the settings. */
export interface Basis {
  /** Stands for the model's header, of which it is made. */
  readonly estimateBytes?: number | undefined;
  /** Changes when the binary is replaced. */
  readonly serverStamp?: string | undefined;
}

/** The projection of one workload. */
export interface Projection {
  /** Hash of the settings that llama-server was asked about. */
  readonly specHash: string;
  readonly basis?: Basis | undefined;
  /** Undefined while llama-server is being asked. */
  readonly bytes?: Projected;
  /** Why it gave no answer, as part of a sentence; undefined if it gave one. */
  readonly why?: string | undefined;
}

/** A note when llama-server gave no answer; undefined when it gave one, and while it is being asked. */
export function unansweredNote({ bytes, why }: Projection): string | undefined {
  if (bytes !== null) return undefined;
  const reason = why === undefined ? "" : ` (${why})`;
  return `llama-server printed no memory breakdown${reason}: the start goes on with the estimate alone`;
}

/**
 * Why a projection prevents a start, as a sentence; undefined when it does not.
 *
 * @param promptCacheBytes of the start; no projection counts it
 */
export function projectionRefusal({ bytes }: Projection, budget: Budget, promptCacheBytes: number): string | undefined {
  if (bytes === undefined || bytes === null || bytes + promptCacheBytes <= budget.bytes) return undefined;
  const beside = promptCacheBytes === 0 ? "" : `, and ${formatBytes(promptCacheBytes)} for the prompt cache`;
  return `projected ${formatBytes(bytes)} required by llama-server${beside}, ${describeBudget(budget)}: raise memoryBudget, or lower contextSize or parallelSlots`;
}

/** What a server that serves needs without its prompt cache: where llama-server says more than the estimate of the same parts, that much more. */
export function needWithoutCache(parts: Parts, projected: Projected | undefined): number {
  return servingBytes(parts) + Math.max(0, (projected ?? 0) - comparable(parts));
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
  const estimated = comparable(parts);
  const apart = Math.abs(projected - estimated);
  if (apart <= Math.max(DRIFT * estimated, DRIFT_BYTES)) return undefined;
  const [said, counted] = [projected, estimated].map(formatBytes);
  return `estimate and projection differ by more than 5 %: llama-server projects ${said}, the estimate is ${counted}; please report this model`;
}

/** How much more llama-server projects than the estimate says of the same parts, as a share of the estimate; negative where it is less. */
export function driftShare(projected: number, parts: Readonly<Record<string, number>>): number | undefined {
  const estimated = comparable(parts);
  return estimated > 0 ? (projected - estimated) / estimated : undefined;
}

/** Bytes of the parts that a projection counts too. */
export function comparable(parts: Readonly<Record<string, number>>): number {
  return PROJECTED_PARTS.reduce((sum, part) => sum + (parts[part] ?? 0), 0);
}
