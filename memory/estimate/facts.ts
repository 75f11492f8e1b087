import { fail, ok, type Result } from "../../api/result.ts";
import type { GgufHeader, GgufValue } from "../../gguf/header.ts";
import { type HybridFacts, hybridFacts } from "./hybrid-facts.ts";
import { BadKey, expected, type KeyReader, keyReader, MAX_LAYERS, MAX_WIDTH, shown } from "./keys.ts";
import { type EmbeddingFacts, poolingFacts } from "./pooling.ts";

/**
 * The values of a header that the estimate is computed from. They are checked: whole, bounded and without
 * contradictions.
 */
export interface ModelFacts extends HybridFacts, EmbeddingFacts {
  readonly architecture: string;
  readonly layers: number;
  /** Context that the model was trained with, in tokens. */
  readonly trainedContext: number | undefined;
  readonly embedding: number;
  /** Attention heads of the layer that has the most. */
  readonly heads: number;
  /** Query heads and key/value heads of each layer. */
  readonly headsByLayer: readonly number[];
  readonly kvHeadsByLayer: readonly number[];
  readonly keyLength: number;
  readonly valueLength: number;
  /** The same for sliding-window layers. */
  readonly keyLengthSliding: number;
  readonly valueLengthSliding: number;
  /** The size of the window in tokens; undefined if the header has no such key. */
  readonly slidingWindow: number | undefined;
  /** `sliding_window_pattern`: one flag for each layer, or a period. */
  readonly slidingPattern: readonly boolean[] | number | undefined;
  readonly feedForwardByLayer: readonly number[];
  readonly expertsUsed: number;
  readonly expertFeedForward: number;
  /** The width of all shared experts together, which every token uses. */
  readonly sharedFeedForward: number;
  /** Whether the header says that some layers have a plain feed-forward instead of experts. */
  readonly denseLayers: boolean;
  /** Further inputs of the first layers, each as wide as the embedding (qwen3vl). */
  readonly deepstackLayers: number;
  readonly mla: { readonly keyLength: number; readonly valueLength: number } | undefined;
  readonly ssm: SsmFacts | undefined;
  readonly shortConvolution: number | undefined;
  readonly rwkv: { readonly tokenShift: number; readonly headSize: number } | undefined;
  readonly kda: { readonly convolution: number; readonly headLength: number } | undefined;
  readonly fullAttentionInterval: number | undefined;
  /** `attention.recurrent_layers`: one flag for each layer. */
  readonly recurrentLayers: readonly boolean[] | undefined;
  /** The number of last layers that use another layer's cache. */
  readonly sharedCacheLayers: number;
  /** The width of the input that every layer gets in addition to the residual stream (gemma3n, gemma4). */
  readonly perLayerInput: number;
  /** The number of layers for multi-token prediction, which are outside the main context. */
  readonly predictionLayers: number;
  readonly vocabulary: number;
  readonly merges: number;
}

export interface SsmFacts {
  readonly convolution: number;
  readonly inner: number;
  readonly state: number;
  readonly groups: number;
}

const MAX_TOKENS = 2 ** 31;

/** Fails with the name of the key, its value and what was expected. */
export function readFacts(header: GgufHeader): Result<ModelFacts> {
  try {
    return ok(facts(header));
  } catch (error) {
    if (error instanceof BadKey) return fail(error.message);
    throw error;
  }
}

function facts(header: GgufHeader): ModelFacts {
  const architecture = header.metadata.get("general.architecture");
  if (typeof architecture !== "string" || architecture === "") {
    throw new BadKey('key "general.architecture" is missing: the name of an architecture is expected');
  }
  const keys = keyReader(header.metadata, architecture);
  const stored = keys.required("block_count", 1, MAX_LAYERS);
  // A pass through the stored layers after the first one has caches of its own (models/nanbeige.cpp).
  const passes = keys.optional("num_loops", 1, Math.floor(MAX_LAYERS / stored)) ?? 1;
  const layers = stored * passes;
  const eachPass = (values: readonly number[] | undefined) =>
    values === undefined ? undefined : Array.from({ length: passes }, () => values).flat();
  const embedding = keys.required("embedding_length", 1, MAX_WIDTH);
  const headsByLayer = eachPass(keys.byLayer("attention.head_count", stored, 0)) ?? Array<number>(layers).fill(0);
  const heads = Math.max(...headsByLayer);
  const headWidth = heads > 0 ? Math.floor(embedding / heads) : 0;
  const keyLength = keys.optional("attention.key_length", 1, MAX_WIDTH) ?? headWidth;
  const valueLength = keys.optional("attention.value_length", 1, MAX_WIDTH) ?? headWidth;
  const kvHeadsByLayer = eachPass(keys.byLayer("attention.head_count_kv", stored, 0)) ?? headsByLayer;
  refuseUnpairedHeads(architecture, headsByLayer, kvHeadsByLayer);
  const predictionLayers = keys.optional("nextn_predict_layers", 0, layers) ?? 0;
  const experts = keys.optional("expert_count", 0, MAX_WIDTH);
  const expertFeedForward = Math.max(0, ...(keys.byLayer("expert_feed_forward_length", stored, 0) ?? []));
  const sharedExperts = keys.optional("expert_shared_count", 0, MAX_WIDTH) ?? 0;
  const leadingDense = keys.optional("leading_dense_block_count", 0, MAX_LAYERS) ?? 0;
  refuseBadRope(header, architecture);
  return {
    architecture,
    layers,
    embedding,
    embeddingOut: Math.max(embedding, keys.optional("embedding_length_out", 0, MAX_WIDTH) ?? 0),
    ...poolingFacts(header.metadata, architecture),
    heads,
    headsByLayer,
    keyLength,
    valueLength,
    trainedContext: keys.optional("context_length", 1, MAX_TOKENS),
    kvHeadsByLayer,
    keyLengthSliding: keys.optional("attention.key_length_swa", 1, MAX_WIDTH) ?? keyLength,
    valueLengthSliding: keys.optional("attention.value_length_swa", 1, MAX_WIDTH) ?? valueLength,
    slidingWindow: keys.optional("attention.sliding_window", 0, MAX_TOKENS),
    slidingPattern: keys.pattern("attention.sliding_window_pattern", layers),
    feedForwardByLayer: eachPass(keys.byLayer("feed_forward_length", stored, 0)) ?? Array<number>(layers).fill(0),
    expertsUsed: mostExpertsUsed(keys, stored, experts ?? MAX_WIDTH, architecture),
    expertFeedForward,
    sharedFeedForward:
      keys.optional("expert_shared_feed_forward_length", 0, MAX_WIDTH) ?? sharedExperts * expertFeedForward,
    denseLayers: leadingDense > 0 || (keys.optional("interleave_moe_layer_step", 0, MAX_LAYERS) ?? 0) > 1,
    deepstackLayers: keys.optional("n_deepstack_layers", 0, MAX_LAYERS) ?? 0,
    mla: mlaFacts(keys, architecture),
    ssm: ssmFacts(keys),
    shortConvolution: keys.optional("shortconv.l_cache", 1, MAX_WIDTH),
    rwkv: rwkvFacts(keys),
    kda: kdaFacts(keys),
    ...hybridFacts(keys, layers, layers - predictionLayers),
    recurrentLayers: keys.flags("attention.recurrent_layers", layers, layers - predictionLayers),
    sharedCacheLayers: keys.optional("attention.shared_kv_layers", 0, layers - 1) ?? 0,
    perLayerInput: keys.optional("embedding_length_per_layer_input", 0, MAX_WIDTH) ?? 0,
    fullAttentionInterval: keys.optional("full_attention_interval", 1, MAX_LAYERS),
    predictionLayers,
    vocabulary: vocabularyOf(header, keys.optional("vocab_size", 1, MAX_WIDTH)),
    merges: lengthOf(header.metadata.get("tokenizer.ggml.merges")),
  };
}

/** Of the layer that uses the most: compute buffers are as large as the widest layer needs. */
function mostExpertsUsed(keys: KeyReader, layers: number, experts: number, architecture: string): number {
  const most = Math.max(0, ...(keys.byLayer("expert_used_count", layers, 0) ?? []));
  if (most <= experts) return most;
  throw new BadKey(`key "${architecture}.expert_used_count" holds ${most}: ${expected(0, experts)}`);
}

function mlaFacts(keys: KeyReader, architecture: string): ModelFacts["mla"] {
  const keyLength = keys.optional("attention.key_length_mla", 1, MAX_WIDTH);
  const valueLength = keys.optional("attention.value_length_mla", 1, MAX_WIDTH);
  if (keyLength !== undefined && valueLength !== undefined) return { keyLength, valueLength };
  if (keyLength === valueLength) return undefined;
  const [has, lacks] = keyLength === undefined ? ["value", "key"] : ["key", "value"];
  throw new BadKey(
    `key "${architecture}.attention.${lacks}_length_mla" is missing: it is expected beside attention.${has}_length_mla`,
  );
}

function refuseBadRope({ metadata }: GgufHeader, architecture: string): void {
  const error = badRopeNumber(metadata, architecture);
  if (error !== undefined) throw new BadKey(error);
}

function ssmFacts(keys: KeyReader): SsmFacts | undefined {
  const convolution = keys.optional("ssm.conv_kernel", 1, MAX_WIDTH);
  const inner = keys.optional("ssm.inner_size", 1, MAX_WIDTH);
  const state = keys.optional("ssm.state_size", 1, MAX_WIDTH);
  if (convolution === undefined || inner === undefined || state === undefined) return undefined;
  return { convolution, inner, state, groups: keys.optional("ssm.group_count", 0, MAX_WIDTH) ?? 0 };
}

function rwkvFacts(keys: KeyReader): ModelFacts["rwkv"] {
  const headSize = keys.optional("wkv.head_size", 1, MAX_WIDTH);
  return headSize === undefined ? undefined : { headSize, tokenShift: keys.optional("token_shift_count", 1, 16) ?? 2 };
}

function kdaFacts(keys: KeyReader): ModelFacts["kda"] {
  const convolution = keys.optional("ssm.conv_kernel", 1, MAX_WIDTH);
  const headLength = keys.optional("kda.head_dim", 1, MAX_WIDTH);
  return convolution === undefined || headLength === undefined ? undefined : { convolution, headLength };
}

/** A layer that caches keys needs at least as many query heads. */
function refuseUnpairedHeads(architecture: string, heads: readonly number[], kvHeads: readonly number[]): void {
  for (const [layer, owned] of kvHeads.entries()) {
    const queries = heads[layer] ?? 0;
    if (queries < owned) {
      throw new BadKey(
        `key "${architecture}.attention.head_count" holds ${queries} in layer ${layer}, where attention.head_count_kv holds ` +
          `${owned}: at least ${owned} is expected`,
      );
    }
  }
}

const ROPE_NUMBERS = [
  ...["rope.freq_base", "rope.freq_base_swa", "rope.scale_linear", "rope.scaling.factor", "rope.scaling.attn_factor"],
  ...["rope.scaling.alpha", "rope.scaling.original_context_length"],
];

/** Memory does not depend on these, but a model whose RoPE settings are not numbers must not be started. */
function badRopeNumber(metadata: GgufHeader["metadata"], architecture: string): string | undefined {
  for (const key of ROPE_NUMBERS) {
    const value = metadata.get(`${architecture}.${key}`);
    if (value === undefined || (typeof value === "number" && Number.isFinite(value) && value >= 0)) continue;
    return `key "${architecture}.${key}" holds ${shown(value)}: a number of at least 0 is expected`;
  }
  return undefined;
}

/** The number of tokens: from the token table, or else from `vocab_size`, or else from the embedding tensor. */
function vocabularyOf(header: GgufHeader, declared: number | undefined): number {
  const table = lengthOf(header.metadata.get("tokenizer.ggml.tokens"));
  if (table > 0) return table;
  if (declared !== undefined) return declared;
  return header.tensors.find(({ name }) => name === "token_embd.weight")?.shape[1] ?? 0;
}

function lengthOf(value: GgufValue | undefined): number {
  return typeof value === "object" && "length" in value ? value.length : 0;
}
