import type { CachedLayer, Cells } from "./cache.ts";
import type { ModelFacts } from "./facts.ts";
import type { Family } from "./families.ts";
import type { CacheType, EstimateSettings } from "./types.ts";

/** Compute buffers in bytes: on `cpu` all is `host`, on `metal` both exist and both count on unified memory. */
export interface ComputeBytes {
  readonly device: number;
  readonly host: number;
}

/** llama-memory.md, "Compute buffers". */
export function computeBytes(
  facts: ModelFacts,
  family: Family,
  layers: readonly CachedLayer[],
  cells: Cells,
  settings: EstimateSettings,
): ComputeBytes {
  const masks = 2 * cells.ubatch * (layers.length > 0 ? cells.full + cells.sliding : 0);
  const scores = settings.flashAttention || layers.length === 0 ? 0 : 4 * cells.ubatch * cells.full * facts.heads;
  const scan = stateScan(facts, family, cells);
  if (settings.backend === "cpu") {
    return { device: 0, host: Math.ceil(masks + scores + Math.max(4 * cells.ubatch * cpuWidth(facts, family), scan)) };
  }
  const host = masks + 8 * cells.ubatch * facts.embedding;
  const attention = metalAttention(facts, family, layers, cells, settings);
  const device = masks + scores + Math.max(4 * cells.ubatch * metalWidth(facts, family), attention, scan);
  return { device: Math.ceil(device), host: Math.ceil(host) };
}

/** Floats a token that the widest moment of a CPU graph holds: the feed-forward, the residual stream and the query. */
function cpuWidth(facts: ModelFacts, family: Family): number {
  const query = family.gatedAttention ? 0 : queryWidth(facts);
  return expertWidth(facts, family) ?? 3 * feedForward(facts) + 3 * facts.embedding + query;
}

function metalWidth(facts: ModelFacts, family: Family): number {
  return expertWidth(facts, family) ?? 3 * feedForward(facts) + 2 * Math.max(facts.embedding, queryWidth(facts));
}

function expertWidth(facts: ModelFacts, family: Family): number | undefined {
  const used = facts.expertsUsed;
  if (used === 0) return undefined;
  const { embedding } = facts;
  const query = queryWidth(facts);
  const inner = 3 * used * (facts.expertFeedForward || feedForward(facts)) + 3 * embedding + query;
  const residual = family.gatedAttention ? 2 * embedding : 4 * embedding + Math.min(query, embedding);
  const compressed = family.cache === "mla" ? 3 * embedding : 0;
  return Math.max(inner, 2 * used * embedding + residual) + compressed;
}

/**
 * Metal's flash attention reserves an f16 copy of the widest layer's K and V, room for its partial sums, and where the cache
 * is not quantized a padded tail; a quantized cache also saves one copy of the query.
 */
function metalAttention(
  facts: ModelFacts,
  family: Family,
  layers: readonly CachedLayer[],
  cells: Cells,
  settings: EstimateSettings,
): number {
  const widest = layers.reduce((most, layer) => Math.max(most, layer.keyWidth + layer.valueWidth), 0);
  if (widest === 0) return 0;
  const mla = family.cache === "mla" && facts.mla !== undefined;
  const quantized = QUANTIZED.has(settings.cacheTypeK);
  const kvHeads = mla ? 1 : Math.max(...facts.kvHeadsByLayer);
  const scratch = 2 * cells.full * widest;
  const partial = 4 * Math.min(cells.ubatch, 32) * facts.heads * 32 * (facts.valueLength + 2);
  const tail = quantized ? 0 : 128 * widest * kvHeads;
  return cells.streams * (scratch + partial + tail) + 4 * cells.ubatch * attentionRows(facts, family, quantized);
}

/** Floats a token around one layer's attention: residual stream, queries, and what builds them. */
function attentionRows(facts: ModelFacts, family: Family, quantized: boolean): number {
  const { embedding, heads, keyLength, valueLength } = facts;
  if (family.cache === "mla") {
    const parts = facts.mla ? 2 * keyLength + facts.mla.keyLength : 4 * keyLength;
    return 3 * embedding + heads * (parts + valueLength);
  }
  return 2 * embedding + ((family.gatedAttention ? 4.5 : 3) - (quantized ? 1 : 0)) * queryWidth(facts);
}

const QUANTIZED: ReadonlySet<CacheType> = new Set(["q8_0", "q5_1", "q5_0", "q4_1", "q4_0", "iq4_nl"]);

/**
 * A state-space layer's own graph: input projection, the convolution's input and output, both halves of the inner width,
 * the result, and one state a sequence.
 */
function stateScan(facts: ModelFacts, family: Family, cells: Cells): number {
  if (family.recurrent?.state !== "ssm" || facts.ssm === undefined) return 0;
  const { inner, groups, state, convolution } = facts.ssm;
  const convolved = inner + 2 * groups * state;
  const stateBytes = 4 * ((convolution - 1) * convolved + state * inner) * cells.sequences;
  return 4 * cells.ubatch * (inner + 3 * convolved + 2 * inner + facts.embedding) + stateBytes;
}

function feedForward(facts: ModelFacts): number {
  return Math.max(...facts.feedForwardByLayer);
}

function queryWidth(facts: ModelFacts): number {
  return facts.heads * facts.keyLength;
}
