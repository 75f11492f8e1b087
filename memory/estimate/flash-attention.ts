import type { GgufHeader } from "../../gguf/header.ts";
import { type Cells, cachedLayers, familyOf, kvBytes } from "./cache.ts";
import type { CachedLayer } from "./cached-layer.ts";
import { type ModelFacts, readFacts } from "./facts.ts";
import type { Family } from "./families/family.ts";
import type { CacheType, EstimateSettings } from "./types.ts";

/** Widths of a head for which Metal has flash attention (llama.cpp, ggml/src/ggml-metal/ggml-metal-device.m, `supports_op`). */
const HEAD_WIDTHS: ReadonlySet<number> = new Set([32, 40, 48, 64, 72, 80, 96, 112, 128, 192, 256, 320, 512, 576]);
/** The width for which there are only kernels whose values are as wide. */
const ONLY_WITH_EQUAL_VALUES = 72;
/** The same for the types of a cache: all but one. */
const WITHOUT_KERNEL: CacheType = "iq4_nl";
/** A quantized type that Metal has flash attention for, with little loss. */
export const FAST_CACHE_TYPE: CacheType = "q8_0";

/**
 * Why Metal has no flash attention for this model and cache, as a clause; undefined if it has, or if none is asked for. llama-server
 * starts all the same: the CPU computes the attention, slowly.
 */
export function lacksFlashAttention(
  facts: ModelFacts,
  family: Family,
  layers: readonly CachedLayer[],
  settings: EstimateSettings,
): string | undefined {
  if (settings.backend !== "metal" || !settings.flashAttention || family.explicitScores || layers.length === 0)
    return undefined;
  const { cacheTypeK, cacheTypeV } = settings;
  if (cacheTypeK === WITHOUT_KERNEL) return `a K cache in ${cacheTypeK}`;
  // Compressed attention reads its values from the K cache.
  if (layers.some(({ valueWidth }) => valueWidth > 0) && cacheTypeV !== cacheTypeK)
    return `a K cache in ${cacheTypeK} with a V cache in ${cacheTypeV}`;
  const heads = [
    [facts.keyLength, facts.valueLength, false],
    [facts.keyLengthSliding, facts.valueLengthSliding, true],
  ] as const;
  for (const [key, value, sliding] of heads) {
    if (!layers.some((layer) => layer.sliding === sliding)) continue;
    if (!HEAD_WIDTHS.has(key)) return `heads of width ${key}`;
    if (value > key || (key === ONLY_WITH_EQUAL_VALUES && value !== key))
      return `values of width ${value} beside keys of width ${key}`;
  }
  return undefined;
}

/** The same from a header; undefined also for an architecture without a rule. */
export function withoutFlashAttention(header: GgufHeader, settings: EstimateSettings): string | undefined {
  const facts = readFacts(header);
  const family = facts.ok ? familyOf(facts.value.architecture) : undefined;
  if (!facts.ok || family === undefined) return undefined;
  return lacksFlashAttention(facts.value, family, cachedLayers(facts.value, family), settings);
}

/** Whether Metal has flash attention for caches of these types, where the model caches values of their own. */
export function isFastCachePair(cacheTypeK: CacheType, cacheTypeV: CacheType): boolean {
  return cacheTypeK === cacheTypeV && cacheTypeK !== WITHOUT_KERNEL;
}

/**
 * An upper bound of what the CPU's buffer holds besides when it computes the attention of layers whose caches lie with the GPU: copies
 * of the keys and values of one layer, those of the next while the first are still there, and f32 rows of the residual stream and the
 * queries on both sides.
 */
export function attentionOnCpuBytes(
  facts: ModelFacts,
  layers: readonly CachedLayer[],
  cells: Cells,
  settings: EstimateSettings,
): number {
  const widest = layers.reduce((most, layer) => {
    const bytes = kvBytes([layer], cells, settings);
    return bytes.ok ? Math.max(most, bytes.value) : most;
  }, 0);
  const query = facts.heads * Math.max(facts.keyLength, facts.keyLengthSliding);
  return Math.ceil(2 * widest + 4 * cells.ubatch * 4 * Math.max(facts.embedding, query));
}
