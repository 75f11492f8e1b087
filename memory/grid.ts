import { ADVISED_CACHE_TYPES, type AdvisedCacheType, contextLimit } from "./advice.ts";
import type { EstimateSettings } from "./estimate/types.ts";
import { estimateServed, type Served } from "./served.ts";

/** What a model needs at one context and one type of K and V cache. */
export interface GridCell {
  readonly contextSize: number;
  readonly cacheType: AdvisedCacheType;
  /** Null: unknown, or not possible (a quantized V cache without flash attention). */
  readonly totalBytes: number | null;
  /** Only where a budget was given. */
  readonly fits?: boolean;
}

const SMALLEST_CONTEXT = 2048;

/** Contexts from 2,048 tokens, doubling up to the training length, and the one asked for; row by row, each in every cache type. */
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
