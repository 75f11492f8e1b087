import { ok, type Result } from "../../api/result.ts";
import { type BatchedSettings, keepsEveryToken } from "./batches.ts";
import { rowBytes } from "./cache-types.ts";
import type { CachedLayer } from "./cached-layer.ts";
import type { ModelFacts } from "./facts.ts";
import type { Family } from "./families/family.ts";
import { FAMILIES, PREDICTING } from "./families/table.ts";
import { compressedRows, compressorElements, indexerRows } from "./sparse.ts";
import type { EstimateSettings } from "./types.ts";

/** How many cells (tokens) the caches of a server have. */
export interface Cells {
  /** Cells of a full-attention layer, in each stream. */
  readonly full: number;
  /** Cells of a sliding-window layer, in each stream; 0 if there is no such layer. */
  readonly sliding: number;
  readonly streams: number;
  readonly sequences: number;
  readonly ubatch: number;
}

/** The number of slots that llama-server chooses for `auto`; they share one unified stream. */
const AUTOMATIC_SLOTS = 4;
const CELL_PADDING = 256;

/** The number of slots of the server. */
export function sequencesOf(settings: EstimateSettings): number {
  return settings.parallel === "auto" ? AUTOMATIC_SLOTS : settings.parallel;
}

/**
 * How many of `tokens` tokens have logits: for each slot one, and one for each token that is drafted for it
 * (docs/background/llama-memory.md, "Output buffer"); all of them where embeddings are asked for.
 */
export function outputsOf(tokens: number, { sequences }: Cells, settings: EstimateSettings): number {
  if (keepsEveryToken(settings)) return Math.max(sequences, tokens);
  const { draftTokens = 0 } = settings;
  return Math.max(sequences, Math.min(tokens, sequences * (1 + draftTokens)));
}

/** docs/background/llama-memory.md, "Cells" and "Sliding window". */
export function cellsOf(facts: ModelFacts, family: Family, settings: BatchedSettings): Cells {
  const context = padded(settings.contextSize);
  const sequences = sequencesOf(settings);
  const unified = settings.parallel === "auto";
  const streams = unified && !family.streamForEachSlot ? 1 : sequences;
  const full = padded(unified ? context : Math.floor(context / streams));
  // Without a cache the inputs of all slots may lie in one batch, however long the context is.
  const longest = family.cache === "none" ? Math.max(context, full * sequences) : context;
  const ubatch = Math.min(settings.ubatchSize, settings.batchSize, longest);
  const window = windowOf(facts, family);
  const reach = window === undefined ? 0 : window * (unified ? sequences / streams : 1) + ubatch;
  const sliding = settings.swaFull && reach > 0 ? full : padded(Math.min(full, reach));
  return { full, sliding, streams, sequences, ubatch };
}

/** For each layer, whether its attention is limited to a sliding window. */
export function slidingLayers(facts: ModelFacts, family: Family): readonly boolean[] {
  const rule = family.sliding;
  const pattern = facts.slidingPattern;
  return Array.from({ length: facts.layers }, (_, layer) => {
    if (rule === undefined || windowOf(facts, family) === undefined) return false;
    if (typeof pattern === "object") return pattern[layer] ?? false;
    const period = pattern ?? rule.period;
    if (period === 0) return true;
    return rule.denseFirst ? layer % period !== 0 : layer % period < period - 1;
  });
}

/** Rules whose recurrent layers have attention as well. */
const BESIDE_ATTENTION: ReadonlySet<string | undefined> = new Set(["beside-attention", "compressed"]);

/** The layers that have an attention cache of their own. */
export function cachedLayers(facts: ModelFacts, family: Family): readonly CachedLayer[] {
  if (family.cache === "none") return [];
  const sliding = slidingLayers(facts, family);
  const recurrent = recurrentLayers(facts, family);
  const shared = family.sharedCaches ? facts.sharedCacheLayers : 0;
  const last = Math.min(family.cachedLayers ?? facts.layers, mainLayers(facts), facts.layers - shared);
  const layers: CachedLayer[] = [];
  for (let layer = 0; layer < last; layer += 1) {
    const heads = facts.kvHeadsByLayer[layer] ?? 0;
    const owns = heads > 0 && (!recurrent[layer] || BESIDE_ATTENTION.has(family.recurrent?.layers));
    if (!owns) continue;
    const slides = sliding[layer] ?? false;
    const keyWidth = heads * (slides ? facts.keyLengthSliding : facts.keyLength);
    const keysOnly = family.cache === "keys" || (family.cache !== undefined && facts.mla !== undefined);
    const valueWidth = keysOnly ? 0 : heads * (slides ? facts.valueLengthSliding : facts.valueLength);
    layers.push({ sliding: slides, keyWidth, valueWidth });
    layers.push(...indexerRows(facts, family, layer), ...compressedRows(facts, family, layer, keyWidth));
  }
  if (family.routerLayer) layers.push({ sliding: false, keyWidth: facts.keyLength, valueWidth: facts.valueLength });
  return layers;
}

/** Bytes of all attention caches (docs/background/llama-memory.md, "Attention cache"). */
export function kvBytes(layers: readonly CachedLayer[], cells: Cells, settings: EstimateSettings): Result<number> {
  const widestValue = Math.max(0, ...layers.map(({ valueWidth, indexer }) => (indexer ? 0 : valueWidth)));
  let bytes = 0;
  for (const layer of layers) {
    // Without flash attention V is stored transposed, and every layer's row is as wide as the widest one.
    const own = settings.flashAttention || layer.valueWidth === 0 || layer.indexer;
    const valueWidth = own ? layer.valueWidth : widestValue;
    const key = rowBytes("K", settings.cacheTypeK, layer.keyWidth);
    const value = rowBytes("V", settings.cacheTypeV, valueWidth);
    if (!key.ok) return key;
    if (!value.ok) return value;
    bytes += (key.value + value.value) * cellsIn(layer, cells) * cells.streams;
  }
  return ok(bytes);
}

/**
 * Bytes of the context checkpoints of all slots when their lists are full (docs/background/llama-memory.md, "Prompt
 * cache and checkpoints"): each has the window's tokens of every sliding layer, and the recurrent states. Models that
 * can be rolled back without them keep none.
 */
export function checkpointBytes(
  facts: ModelFacts,
  family: Family,
  layers: readonly CachedLayer[],
  cells: Cells,
  settings: EstimateSettings,
): Result<number> {
  const window = settings.swaFull ? undefined : windowOf(facts, family);
  const tokens = Math.min(window ?? 0, cells.full);
  const slidingOnly = layers.filter(({ sliding }) => sliding);
  const kept = kvBytes(slidingOnly, { ...cells, full: 0, sliding: tokens, streams: 1 }, settings);
  if (!kept.ok) return kept;
  const size = kept.value + recurrentBytes(facts, family, 1);
  return ok((settings.ctxCheckpoints ?? 0) * size * cells.sequences);
}

/** Bytes of the state of recurrent layers, always f32 (docs/background/llama-memory.md, "Recurrent state"). */
export function recurrentBytes(facts: ModelFacts, family: Family, sequences: number): number {
  if (family.recurrent === undefined) return 0;
  const { state } = family.recurrent;
  const elements = recurrentLayers(facts, family).map((recurrent, layer) =>
    recurrent ? stateElements(facts, state, layer) : 0,
  );
  return elements.reduce((sum, count) => sum + count, 0) * 4 * sequences;
}

/**
 * The number of layers in the main context, without those for multi-token prediction. Where the file has no others,
 * they are what its context caches.
 */
function mainLayers(facts: ModelFacts): number {
  const { architecture, layers, predictionLayers } = facts;
  return PREDICTING.has(architecture) && predictionLayers < layers ? layers - predictionLayers : layers;
}

export function recurrentLayers(facts: ModelFacts, family: Family): readonly boolean[] {
  const rule = family.recurrent?.layers;
  const interval = facts.fullAttentionInterval ?? family.recurrent?.interval ?? 4;
  return Array.from({ length: facts.layers }, (_, layer) => {
    if (rule === undefined || layer >= mainLayers(facts)) return false;
    if (rule === "interval" && facts.recurrentLayers !== undefined) return facts.recurrentLayers[layer] ?? false;
    if (rule === "interval") return (layer + 1) % interval !== 0;
    if (rule === "all" || rule === "beside-attention") return true;
    if (rule === "compressed") return (facts.compressRatios[layer] ?? 0) > 0;
    if (facts.kvHeadsByLayer[layer] !== 0) return false;
    return rule === "no-kv-heads" || facts.feedForwardByLayer[layer] === 0;
  });
}

/** Whether the header has the keys from which the size of the family's recurrent state is computed. */
export function hasStateKeys(facts: ModelFacts, family: Family): boolean {
  if (family.recurrent === undefined) return true;
  const needed = {
    ssm: facts.ssm,
    "short-convolution": facts.shortConvolution,
    rwkv: facts.rwkv,
    kda: facts.kda,
    linear: facts.keyLength,
    compressor: facts.indexer,
  };
  return needed[family.recurrent.state] !== undefined;
}

/** The rules for `architecture`; undefined if there are none. */
export function familyOf(architecture: string): Family | undefined {
  return Object.hasOwn(FAMILIES, architecture) ? FAMILIES[architecture] : undefined;
}

/** The number of elements in the state of one recurrent layer for one sequence; without `layer`, of the largest one. */
export function stateElements(
  facts: ModelFacts,
  state: NonNullable<Family["recurrent"]>["state"],
  layer?: number,
): number {
  if (state === "ssm" && facts.ssm !== undefined) {
    const { convolution, inner, groups, state: width } = facts.ssm;
    return (convolution - 1) * (inner + 2 * groups * width) + width * inner + ngramElements(facts, layer);
  }
  if (state === "rwkv" && facts.rwkv !== undefined) {
    return facts.rwkv.tokenShift * facts.embedding + facts.embedding * facts.rwkv.headSize;
  }
  if (state === "kda" && facts.kda !== undefined) {
    const { convolution, headLength } = facts.kda;
    return facts.heads * headLength * (3 * (convolution - 1) + headLength);
  }
  if (state === "linear") return facts.heads * facts.keyLength ** 2;
  if (state === "compressor") return layer === undefined ? 0 : compressorElements(facts, layer);
  return facts.embedding * ((facts.shortConvolution ?? 1) - 1);
}

/** The groups of tokens that a layer of qwen4exp remembers, for each residual stream. */
function ngramElements({ ngrams, hyperConnections, embedding }: ModelFacts, layer: number | undefined): number {
  if (ngrams === undefined || (layer !== undefined && !ngrams.layers.includes(layer))) return 0;
  return ngrams.window * hyperConnections * embedding;
}

/** How many cells a layer has in each stream. */
function cellsIn({ sliding, ratio }: CachedLayer, cells: Cells): number {
  if (sliding) return cells.sliding;
  return ratio === undefined ? cells.full : padded(Math.ceil(cells.full / ratio));
}

/** The size of the sliding window in tokens; undefined if no layer has one. */
export function windowOf(facts: ModelFacts, family: Family): number | undefined {
  if (family.sliding === undefined) return undefined;
  const { fixedWindow, defaultWindow } = family.sliding;
  const window = facts.slidingWindow === 0 ? 0 : (fixedWindow ?? facts.slidingWindow ?? defaultWindow ?? 0);
  return window > 0 ? window : undefined;
}

function padded(cells: number): number {
  return Math.ceil(cells / CELL_PADDING) * CELL_PADDING;
}
