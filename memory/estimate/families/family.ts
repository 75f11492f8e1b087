import type { Backend } from "../types.ts";

/**
 * What llama.cpp does for each architecture, as data. To add an architecture, add an entry to the file of its kind in this folder (or, if it caches plain keys
 * and values on every layer, a name in plain.ts) with the source of its rule: a file of llama.cpp's `src/models`,
 * as of September 2026, or docs/background/llama-memory.md. Tests compare `measured` families with the cases in
 * test/fixtures/truth.
 */
export interface Family {
  /** The source of the rule: a file below llama.cpp's `src/`, or docs/background/llama-memory.md. */
  readonly source: string;
  /** Which layers have a sliding window, if `attention.sliding_window` is set. Absent: the key is ignored. */
  readonly sliding?: SlidingRule;
  /** Which layers are recurrent: their state does not grow with the context. */
  readonly recurrent?: RecurrentRule;
  /**
   * `mla`: one compressed K for each layer if the file has the MLA keys. `mla-indexer`: the same, and the keys of a
   * sparse-attention indexer. `keys`: keys only, without values. `none`: an encoder or a diffusion model, which has no
   * cache.
   */
  readonly cache?: "mla" | "mla-indexer" | "keys" | "none";
  /** Which layers cache the keys of an indexer besides. Default with `mla-indexer`: all that have attention. */
  readonly indexer?: IndexerRule;
  /** `attention.compress_ratios` names layers that also cache one key for every 4 or 128 tokens (deepseek4). */
  readonly compressedLevels?: true;
  /** Every slot has a stream of its own, even where slots share one context; each is as long as the whole context. */
  readonly streamForEachSlot?: true;
  /** One more layer with one head, behind all others, caches what chooses an adapter (graniteswitch). */
  readonly routerLayer?: true;
  /**
   * The query projection has a gate of the same width (qwen3.5): 4.5 instead of 3 query widths in Metal's attention.
   */
  readonly gatedAttention?: true;
  /** One product yields queries, keys and values, so that a layer's new keys and values need no memory of their own. */
  readonly fusedProjection?: true;
  /** How many of the first layers have a cache of their own. Absent: all. */
  readonly cachedLayers?: number;
  /** The last `attention.shared_kv_layers` layers use another layer's cache. Absent: the key is ignored. */
  readonly sharedCaches?: true;
  /** The number of residual streams that go from layer to layer (gemma3n's AltUp). Default: 1. */
  readonly residualStreams?: number;
  /** The feed-forward has no gate (starcoder2, falcon and similar): one copy of its width instead of three. */
  readonly ungated?: true;
  /** The result of attention, or of a norm, stays in memory during the feed-forward: one more residual row. */
  readonly parallelResidual?: true;
  /** Attention is computed without flash attention, even if the settings ask for it (grok). */
  readonly explicitScores?: true;
  /** Every expert layer has a shared expert of the same width, though no key says so. */
  readonly sharedExpert?: true;
  /** Some layers have a plain feed-forward instead of experts, though no key says so. */
  readonly denseLayers?: true;
  /** No layer multiplies by an output or by the token table on the GPU, so a file without an output layer is not tied. */
  readonly withoutOutput?: true;
  /** Measured cases confirm the entry, on the CPU and on Metal. */
  readonly measured?: true;
  /**
   * The graph has the same operations as llama's, and synthetic models confirm on the CPU that it reserves what llama's
   * formula says. Therefore llama's measured cases on Metal hold for it as well.
   */
  readonly sameAsLlama?: true;
  /** Public logs of Macs confirm the compute buffer of models without experts and inputs for each layer (test/memory/estimate/metal-logs.test.ts). */
  readonly denseOnMacs?: true;
  /** Synthetic models (test/fixtures/synthetic.json) confirm the entry, on the CPU only. */
  readonly measuredOnCpu?: true;
}

/** Whether measurements confirm the rules of the family on this backend. */
export function confirmed(family: Family, backend: Backend): boolean {
  if (family.measured) return true;
  return family.measuredOnCpu === true && (backend === "cpu" || family.sameAsLlama === true);
}

export interface SlidingRule {
  /**
   * Every `period`-th layer has full attention (0: no layer has). A `sliding_window_pattern` key in the file takes
   * precedence.
   */
  readonly period: number;
  /** The first layer of each period has full attention, not the last one. */
  readonly denseFirst?: true;
  /** The size of the window in tokens, if the file does not set it. */
  readonly defaultWindow?: number;
  /** The size of the window in tokens, whatever the file says; only a window of 0 in the file turns it off. */
  readonly fixedWindow?: number;
  /** The file must have one flag for each layer, because llama.cpp has no period for it. */
  readonly patternRequired?: true;
}

export interface IndexerRule {
  /** Where `attention.indexer.types` names no layers. `none`: it must name them. */
  readonly default?: "all" | "none" | "glm-5.2";
  /** llama.cpp does not load a file without an indexer and the names of its layers. */
  readonly required?: true;
  /** The leading dense layers have none, and the cache has room for values as well, which nothing fills (minimax-m3). */
  readonly besideExperts?: true;
  /** How many keys of a token lie in a row: its own, and what pools of tokens need. Default: 1. */
  readonly rows?: number;
  /** `rows` holds only if some layer has a ratio in `attention.compress_ratios`. */
  readonly rowsIfCompressed?: true;
}

export interface RecurrentRule {
  readonly layers: "all" | "no-kv-heads" | "no-kv-heads-and-no-ffn" | "interval" | "beside-attention" | "compressed";
  readonly state: "ssm" | "short-convolution" | "rwkv" | "kda" | "linear" | "compressor";
  /** Every how many layers one has attention if the file does not say so. Default: 4. */
  readonly interval?: number;
  /** How many embedding widths an rwkv layer needs for each token. Default: 20. */
  readonly scanRows?: number;
}
