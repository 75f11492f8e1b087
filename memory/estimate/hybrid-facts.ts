import { type KeyReader, MAX_LAYERS, MAX_WIDTH } from "./keys.ts";

/** What a header says of sparse attention, of compressed levels of the context, and of states beside the cache. */
export interface HybridFacts {
  /** The indexer of sparse attention, whose keys are cached in addition. */
  readonly indexer: IndexerFacts | undefined;
  /** `leading_dense_block_count`: the number of first layers without experts. */
  readonly leadingDense: number;
  /** `attention.compress_ratios`: how many tokens a layer keeps as one, for each layer; 0: all of them. */
  readonly compressRatios: readonly number[];
  /** `hyper_connection.count`: residual streams that go from layer to layer. Default: 1. */
  readonly hyperConnections: number;
  /** `attn_res.block_size`: how many groups of layers there are whose results later layers attend to (kimi-k3). Default: 0. */
  readonly residualBlocks: number;
  /** The convolution over token groups that some layers keep a state of (qwen4exp). */
  readonly ngrams: { readonly layers: readonly number[]; readonly window: number } | undefined;
}

export interface IndexerFacts {
  readonly heads: number;
  readonly keyLength: number;
  /** `attention.indexer.types`: for each layer, whether it has an indexer of its own. */
  readonly types: readonly boolean[] | undefined;
}

/** @param main the number of layers without those for multi-token prediction */
export function hybridFacts(keys: KeyReader, layers: number, main: number): HybridFacts {
  return {
    indexer: indexerFacts(keys, main),
    leadingDense: keys.optional("leading_dense_block_count", 0, MAX_LAYERS) ?? 0,
    compressRatios: keys.atLeast("attention.compress_ratios", layers) ?? [],
    hyperConnections: keys.optional("hyper_connection.count", 1, 64) ?? 1,
    residualBlocks: residualBlocks(keys, layers),
    ngrams: ngramFacts(keys),
  };
}

function indexerFacts(keys: KeyReader, main: number): IndexerFacts | undefined {
  const keyLength = keys.optional("attention.indexer.key_length", 1, MAX_WIDTH);
  if (keyLength === undefined) return undefined;
  const types = keys.pattern("attention.indexer.types", main);
  return {
    keyLength,
    heads: keys.optional("attention.indexer.head_count", 1, MAX_WIDTH) ?? 1,
    types: typeof types === "number" ? Array<boolean>(main).fill(types > 0) : types,
  };
}

function residualBlocks(keys: KeyReader, layers: number): number {
  const size = keys.optional("attn_res.block_size", 0, MAX_LAYERS) ?? 0;
  return size === 0 ? 0 : Math.ceil(layers / size);
}

function ngramFacts(keys: KeyReader): HybridFacts["ngrams"] {
  const layers = keys.atLeast("ple.layers", 0) ?? [];
  if (layers.length === 0) return undefined;
  const size = keys.required("ple.ngram_size", 2, 64);
  return { layers, window: size * (keys.required("ple.conv_kernel", 1, MAX_WIDTH) - 1) };
}
