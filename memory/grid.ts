import { ADVISED_CACHE_TYPES, type AdvisedCacheType, contextLimit } from "./advice.ts";
import type { EstimateSettings } from "./estimate/types.ts";
import { estimateServed, type Served } from "./served.ts";

/** The memory that a model needs with one context size and one type of KV cache. */
export interface GridCell {
  readonly contextSize: number;
  readonly cacheType: AdvisedCacheType;
  /** Null if the need is unknown, or the settings are not possible (a quantized V cache without flash attention). */
  readonly totalBytes: number | null;
  /** Set only if a budget was given. */
  readonly fits?: boolean;
}

const SMALLEST_CONTEXT = 2048;

/**
 * One row for each context size, one cell for each cache type. The context sizes double from 2,048 tokens up to the one
 * that the model was trained with; the one that was asked for is among them.
 */
export function contextGrid(served: Served, settings: EstimateSettings, budgetBytes?: number): readonly GridCell[] {
  return contextSizes(served, settings).flatMap((contextSize) =>
    ADVISED_CACHE_TYPES.map((cacheType) => {
      const changed = { ...settings, contextSize, cacheTypeK: cacheType, cacheTypeV: cacheType };
      const answer = estimateServed(served, changed);
      const known = answer.ok && answer.value.confidence !== "unknown" ? answer.value : undefined;
      const totalBytes = known?.totalBytes ?? null;
      const cell = { contextSize, cacheType, totalBytes };
      return budgetBytes === undefined ? cell : { ...cell, fits: totalBytes !== null && totalBytes <= budgetBytes };
    }),
  );
}

function contextSizes(served: Served, settings: EstimateSettings): readonly number[] {
  const sizes = new Set([settings.contextSize]);
  const limit = contextLimit(served, settings);
  for (let size = SMALLEST_CONTEXT; size < limit; size *= 2) sizes.add(size);
  return [...sizes.add(limit)].sort((a, b) => a - b);
}
