import { keepsEveryToken, picksRows, poolingOf } from "./batches.ts";
import { type Cells, outputsOf, stateElements } from "./cache.ts";
import { isQuantized } from "./cache-types.ts";
import type { CachedLayer } from "./cached-layer.ts";
import type { ModelFacts } from "./facts.ts";
import { confirmed, type Family } from "./families/family.ts";
import { compressed, headWidths, metalAttention } from "./metal-attention.ts";
import type { EstimateSettings } from "./types.ts";

/**
 * Compute buffers in bytes. On `cpu` there is only `host`; on `metal` both exist, and both count, because memory is
 * unified.
 */
export interface ComputeBytes {
  readonly device: number;
  readonly host: number;
}

/** docs/background/llama-memory.md, "Compute buffers". */
export function computeBytes(
  facts: ModelFacts,
  family: Family,
  layers: readonly CachedLayer[],
  cells: Cells,
  settings: EstimateSettings,
): ComputeBytes {
  const seen = seenCells(family, layers, cells);
  const masked = cells.ubatch * (seen + (seen > 0 ? cells.sliding : 0));
  const rotation = rotationBytes(facts, layers, settings);
  const scan = stateScan(facts, family, cells);
  const logits = sampling(facts, family, cells, settings);
  if (settings.backend === "cpu") {
    const explicit = !settings.flashAttention || family.explicitScores === true;
    const scores = explicit ? scoreWidth(facts, layers, seen) : 0;
    const widest = 4 * cells.ubatch * Math.max(cpuWidth(facts, family), scores);
    // The attention mask is f16 with flash attention and f32 without.
    const masks = (explicit ? 4 : 2) * masked;
    return {
      device: 0,
      host: Math.ceil(masks + rotation + besideLayers(facts, family, cells, settings) + Math.max(widest, scan, logits)),
    };
  }
  const masks = 2 * masked;
  const scores = settings.flashAttention ? 0 : 4 * cells.ubatch * seen * facts.heads;
  const beside = masks + rotation + scores + besideLayers(facts, family, cells, settings);
  const { embedding, perLayerInput } = facts;
  const host = masks + rotation + 4 * cells.ubatch * (2 * embedding + perLayerInput * facts.layers);
  const attention = metalAttention(facts, family, layers, cells, settings);
  // The residual stream of a recurrent layer is copied to the device as well.
  const deviceScan = scan > 0 ? scan + 4 * cells.ubatch * facts.embedding : 0;
  const feed =
    4 * cells.ubatch * metalWidth(facts, family, layers, settings) + statesBesideFeedForward(facts, family, cells);
  const layer = Math.max(feed, attention, deviceScan);
  const device = beside + Math.max(layer, logits);
  return { device: Math.ceil(device), host: Math.ceil(host) };
}

/**
 * The end of the graph: the logits of every token that is sampled from, and residual streams. This is the widest moment
 * with many slots or drafted tokens, or embeddings, and a large vocabulary; it was measured on Gemma 3 270M with up to 196 outputs.
 */
function sampling(facts: ModelFacts, family: Family, cells: Cells, settings: EstimateSettings): number {
  if (family.cache === "none") return 0;
  const streams = keepsEveryToken(settings) && !picksRows(poolingOf(facts, settings)) ? 6 : 5;
  return 4 * (facts.vocabulary * outputsOf(cells.ubatch, cells, settings) + streams * cells.ubatch * facts.embedding);
}

/** The cells that the attention of one token covers. Without a cache these are the tokens of its own batch, as f32. */
function seenCells(family: Family, layers: readonly CachedLayer[], cells: Cells): number {
  if (family.cache === "none") return 2 * cells.ubatch;
  return layers.length > 0 ? cells.full : 0;
}

/**
 * Bytes that exist at the same time as those of any single layer: the inputs of each layer, twice while they are
 * projected (gemma3n, gemma4); further residual streams; the inputs of the first layers, before and after they are
 * selected (qwen3vl); the scores of all cells for sparse attention. A graph that no measured case confirms gets one
 * residual stream and one query more than its formula says.
 */
function besideLayers(facts: ModelFacts, family: Family, cells: Cells, settings: EstimateSettings): number {
  const { embedding, perLayerInput, layers, deepstackLayers } = facts;
  const inputs = 2 * perLayerInput * layers + 2 * deepstackLayers * embedding;
  const streams = residualStreams(facts, family) * embedding;
  const sparse = sparseWidth(facts, family, cells);
  const seenOnMacs = family.denseOnMacs === true && facts.expertsUsed === 0 && perLayerInput === 0;
  const query = isBesideAttention(family) ? 0 : queryWidth(facts);
  const unconfirmed = confirmed(family, settings.backend) || seenOnMacs ? 0 : embedding + query;
  return 4 * cells.ubatch * (inputs + streams + sparse + unconfirmed);
}

/**
 * Floats for each token of sparse attention: the scores of every cell that an indexer chooses from. Beside plain keys and
 * values they exist more than once; 9.5 floats a cell were measured with four heads (minimax-m3).
 */
function sparseWidth({ indexer }: ModelFacts, family: Family, { full }: Cells): number {
  if (indexer === undefined) return 0;
  if (family.cache === "mla-indexer") return full * (indexer.heads + 2);
  if (family.compressedLevels) return Math.ceil(full / 4) * (indexer.heads + 2) + full;
  return family.indexer === undefined ? 0 : full * (3 * indexer.heads + 4);
}

/**
 * Residual streams beside the first one, as an upper bound: hyper-connections hold all of them up to three times while they
 * are mixed; residual attention holds the result of every block, and a copy of all to choose from.
 */
function residualStreams({ hyperConnections, residualBlocks }: ModelFacts, family: Family): number {
  if (residualBlocks > 0) return 2 * (residualBlocks + 1);
  return hyperConnections > 1 ? 3 * hyperConnections : (family.residualStreams ?? 1) - 1;
}

/**
 * Floats for each token of attention without flash attention: the scores of all heads, the residual stream and its
 * norm, three copies of the query, and the new keys and values.
 */
function scoreWidth(facts: ModelFacts, layers: readonly CachedLayer[], seen: number): number {
  const widest = layers.reduce((most, layer) => Math.max(most, layer.keyWidth + layer.valueWidth), 0);
  return seen * facts.heads + 2 * facts.embedding + 3 * queryWidth(facts) + widest;
}

/** Floats for each token at the widest moment of a CPU graph: the feed-forward, the residual stream and the query. */
function cpuWidth(facts: ModelFacts, family: Family): number {
  const { embedding, heads, keyLengthSliding, valueLength, mla } = facts;
  const compressedQuery = compressed(family) && mla !== undefined ? heads * valueLength : undefined;
  const query = compressedQuery ?? (family.gatedAttention ? 0 : heads * keyLengthSliding);
  const parallel = family.parallelResidual ? embedding : 0;
  const rows = isBesideAttention(family) ? ROWS_BESIDE_ATTENTION * embedding : 3 * embedding + query;
  const dense = feedForwardCopies(family) * feedForward(facts) + rows + parallel;
  const experts = cpuExpertWidth(facts, family, dense);
  return Math.max(experts ?? dense, compressed(family) ? compressedWidth(facts) : 0);
}

/**
 * Three copies: the gate, its input and their product. Without a gate the activation is computed in place, in one copy.
 */
function feedForwardCopies(family: Family): number {
  return family.ungated ? 1 : 3;
}

/**
 * Compressed attention: for each head the query, its compressed form, both joined, and the result; and four residual
 * rows.
 */
function compressedWidth({ mla, heads, keyLength, valueLength, embedding }: ModelFacts): number {
  return mla === undefined ? 0 : heads * (keyLength + valueLength + mla.keyLength + mla.valueLength) + 4 * embedding;
}

/** @param dense floats for each token of a layer without experts, of which a model may have some */
function cpuExpertWidth(facts: ModelFacts, family: Family, dense: number): number | undefined {
  const used = facts.expertsUsed;
  if (used === 0) return undefined;
  const { embedding } = facts;
  const query = queryWidth(facts);
  if (family.gatedAttention || (compressed(family) && facts.mla === undefined)) {
    return expertWidth(facts, family, compressed(family) ? narrower(facts) : query);
  }
  const inner = facts.expertFeedForward || feedForward(facts);
  const product = 3 * used * inner;
  const besides = compressed(family) ? facts.heads * facts.valueLength : query;
  // The results of the experts reuse the memory of gate and input if they fit there.
  const results = 2 * inner < embedding ? used * embedding : 0;
  const shared = family.sharedExpert ? inner : facts.sharedFeedForward;
  const hasDense = facts.denseLayers || family.denseLayers || !(family.measured || family.measuredOnCpu);
  return Math.max(
    product + 3 * embedding + (compressed(family) ? Math.max(results, besides) : results + besides),
    shared > 0 ? 3 * shared + 5 * embedding : 0,
    hasDense ? dense : 0,
  );
}

/** The same as on the CPU, but with one row less unless a quantized cache is rotated. */
function metalWidth(
  facts: ModelFacts,
  family: Family,
  layers: readonly CachedLayer[],
  settings: EstimateSettings,
): number {
  const plain = isBesideAttention(family) ? ROWS_BESIDE_ATTENTION : 2;
  const rows = plain + (hasRotatedRow(facts, layers, settings) ? 1 : 0);
  const experts = expertWidth(facts, family, narrower(facts));
  return (
    experts ?? feedForwardCopies(family) * feedForward(facts) + rows * Math.max(facts.embedding, queryWidth(facts))
  );
}

/** Whether the rotation of a quantized cache costs a row: not where layers have heads of two widths (six public logs of Gemma 4 12B). */
function hasRotatedRow(facts: ModelFacts, layers: readonly CachedLayer[], settings: EstimateSettings): boolean {
  if (!isQuantized(settings.cacheTypeK)) return false;
  return new Set(layers.map((layer) => headWidths(facts, layer).key)).size <= 1;
}

/**
 * The matrices that rotate the heads of quantized caches, in f32: for keys as wide as the largest power of two that divides a head,
 * for values 64 wide (llama-kv-cache.cpp, `n_rot_k` and `n_rot_v`). Sliding layers have a cache, and matrices, of their own.
 */
function rotationBytes(facts: ModelFacts, layers: readonly CachedLayer[], settings: EstimateSettings): number {
  const caches = [true, false].flatMap((sliding) => layers.find((layer) => layer.sliding === sliding) ?? []);
  return caches.reduce((bytes, layer) => {
    const { key, value } = headWidths(facts, layer);
    const keys = isQuantized(settings.cacheTypeK) && key % ROTATED === 0 ? powerOfTwoIn(key) : 0;
    const values = isQuantized(settings.cacheTypeV) && layer.valueWidth > 0 && value % ROTATED === 0 ? ROTATED : 0;
    return bytes + 4 * (keys ** 2 + values ** 2);
  }, 0);
}

/** The least width of a matrix that rotates heads. */
const ROTATED = 64;

function powerOfTwoIn(width: number): number {
  return width % 2 === 0 ? 2 * powerOfTwoIn(width / 2) : 1;
}

/**
 * Rows of the residual stream beside the feed-forward of a layer that has attention and a state (models/falcon-h1.cpp): the results
 * of both, their sums and norms.
 */
const ROWS_BESIDE_ATTENTION = 5;

function isBesideAttention(family: Family): boolean {
  return family.recurrent?.layers === "beside-attention";
}

/** On Metal the new states of such a layer lie between the rows, and its feed-forward comes behind them. */
function statesBesideFeedForward(facts: ModelFacts, family: Family, { sequences }: Cells): number {
  return isBesideAttention(family) ? 4 * stateElements(facts, "ssm") * sequences : 0;
}

function narrower(facts: ModelFacts): number {
  return Math.min(queryWidth(facts), facts.embedding);
}

/**
 * @param besides floats for each token that attention leaves in memory while the results of the experts are added up
 */
function expertWidth(facts: ModelFacts, family: Family, besides: number): number | undefined {
  const used = facts.expertsUsed;
  if (used === 0) return undefined;
  const { embedding } = facts;
  const query = queryWidth(facts);
  const inner = 3 * used * (facts.expertFeedForward || feedForward(facts)) + 3 * embedding + query;
  const residual = family.gatedAttention ? 2 * embedding : 4 * embedding + besides;
  // Layers of the same model may be dense, and wider than the experts in use.
  const dense = family.measured ? 0 : 3 * feedForward(facts) + 3 * embedding + query;
  const rebuilt = compressed(family) ? 3 * embedding : 0;
  return Math.max(inner, dense, expertResults(facts, family, residual)) + rebuilt;
}

/**
 * The results of the experts, and the weighted ones. In a hybrid model whose narrow experts leave more room than six rows of the
 * residual stream need, the weighted results take the place of the others, behind gate, input and product.
 */
function expertResults(facts: ModelFacts, family: Family, residual: number): number {
  const { embedding, expertsUsed } = facts;
  const results = expertsUsed * embedding;
  const product = 3 * expertsUsed * (facts.expertFeedForward || feedForward(facts));
  const inPlace = family.recurrent?.layers === "no-kv-heads" && product < results && product > 5 * embedding;
  return inPlace && !compressed(family) ? product + results + 6 * embedding : 2 * results + residual;
}

/**
 * Bytes of a recurrent layer's graph: its floats for each token, and the states of each sequence, old and new. Beside attention one
 * more of each is held.
 */
function stateScan(facts: ModelFacts, family: Family, cells: Cells): number {
  const state = family.recurrent?.state;
  if (state === undefined || state === "short-convolution" || state === "compressor") return 0;
  const held = state === "ssm" ? 2 * (cells.sequences + (isBesideAttention(family) ? 1 : 0)) : cells.sequences;
  return 4 * (cells.ubatch * scanWidth(facts, family, state, cells) + stateElements(facts, state) * held);
}

/**
 * Floats for each token of a recurrent layer. State space: the input projection, the input and output of the
 * convolution, both halves of the inner width, and the result. KDA: the same for queries, keys and values, and a decay
 * for each channel. RWKV: six shifted inputs, their mixes, and the products.
 */
function scanWidth(
  facts: ModelFacts,
  family: Family,
  state: "ssm" | "rwkv" | "kda" | "linear",
  { ubatch }: Cells,
): number {
  if (state === "rwkv") return (family.recurrent?.scanRows ?? 20) * facts.embedding;
  // Decays between all tokens of a batch for each head, four times, and ten rows of all heads (minimax-01).
  if (state === "linear") return facts.heads * (4 * ubatch + 10 * facts.keyLength) + 2 * facts.embedding;
  if (state === "kda") return 13 * facts.heads * (facts.kda?.headLength ?? 0) + facts.embedding;
  if (facts.ssm === undefined) return 0;
  const { inner, groups, state: width } = facts.ssm;
  const beside = isBesideAttention(family) ? 2 * width : 0;
  return 3 * inner + 3 * (inner + 2 * groups * width) + facts.embedding + beside;
}

function feedForward(facts: ModelFacts): number {
  return Math.max(...facts.feedForwardByLayer);
}

function queryWidth(facts: ModelFacts): number {
  return facts.heads * Math.max(facts.keyLength, facts.keyLengthSliding);
}
