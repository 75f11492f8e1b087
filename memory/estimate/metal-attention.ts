import type { Cells } from "./cache.ts";
import { isQuantized } from "./cache-types.ts";
import type { CachedLayer } from "./cached-layer.ts";
import type { ModelFacts } from "./facts.ts";
import type { Family } from "./families/family.ts";
import type { EstimateSettings } from "./types.ts";

/** The layer whose attention needs most of Metal's buffer. Sliding layers have fewer cells, but may have wider rows. */
export function metalAttention(
  facts: ModelFacts,
  family: Family,
  layers: readonly CachedLayer[],
  cells: Cells,
  settings: EstimateSettings,
): number {
  const quantized = isQuantized(settings.cacheTypeK);
  const bytes = layers.map((layer) => {
    const row = layer.keyWidth + layer.valueWidth;
    const fused = family.fusedProjection && !quantized ? row : 0;
    const rows = attentionRows(facts, family, layer, quantized) - fused;
    return flashScratch(facts, layer, cells, quantized) + 4 * cells.ubatch * rows;
  });
  return Math.max(0, ...bytes);
}

/**
 * What Metal's flash attention reserves beside its result (`ggml_metal_op_flash_attn_ext_extra_*` in ggml-metal-ops.cpp):
 * an f16 copy of the keys and values of all cells of the layer, partial sums of up to 32 tokens, a padded tail of 64
 * cells, which spans the rows of all heads once for each head unless the cache is quantized, and a map of the mask.
 */
function flashScratch(facts: ModelFacts, layer: CachedLayer, cells: Cells, quantized: boolean): number {
  const { keyWidth, valueWidth } = layer;
  const reach = layer.sliding ? cells.sliding : cells.full;
  const head = headWidths(facts, layer);
  const copy = 2 * reach * (keyWidth + valueWidth);
  const partial = 4 * Math.min(cells.ubatch, 32) * facts.heads * 32 * (head.value + 2);
  const heads = Math.max(1, Math.round(keyWidth / head.key));
  // Without values of its own (MLA) the layer reads them from its keys.
  const tail = 128 * (keyWidth + (valueWidth || keyWidth)) * (quantized ? 1 : heads);
  const mask = cells.ubatch * (128 + Math.ceil(reach / 512));
  return cells.streams * (copy + partial + tail) + mask;
}

export function headWidths(facts: ModelFacts, layer: CachedLayer): { readonly key: number; readonly value: number } {
  return layer.sliding
    ? { key: facts.keyLengthSliding, value: facts.valueLengthSliding }
    : { key: facts.keyLength, value: facts.valueLength };
}

/**
 * Floats for each token around the attention of one layer: the residual stream, the queries, and their inputs. With a
 * quantized cache there is one copy of the query less, or one more if the query is gated.
 */
function attentionRows(facts: ModelFacts, family: Family, layer: CachedLayer, quantized: boolean): number {
  const { embedding, heads, keyLength, valueLength } = facts;
  if (compressed(family)) {
    const parts = facts.mla ? 2 * keyLength + facts.mla.keyLength : 4 * keyLength;
    return 3 * embedding + heads * (parts + valueLength);
  }
  const query = heads * headWidths(facts, layer).key;
  if (family.gatedAttention) return 2 * embedding + (quantized ? 5.5 : 4.5) * query;
  // Beside attention the layer holds the results of its state as well (models/falcon-h1.cpp).
  const rows = family.recurrent?.layers === "beside-attention" ? 4 : 2;
  return rows * embedding + (quantized ? 2 : 3) * query;
}

/** Whether attention works on one compressed K (MLA). */
export function compressed(family: Family): boolean {
  return family.cache === "mla" || family.cache === "mla-indexer";
}
