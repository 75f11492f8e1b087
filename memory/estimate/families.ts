/**
 * What llama.cpp does per architecture, as data: adding one is adding an entry, with the source of its rule.
 * The rules are those of shared reference "llama-memory.md" (read in llama.cpp of September 2026); `measured` families are
 * held to measured cases in test/fixtures/truth.
 */
export interface Family {
  /** Which layers see a window only, where `attention.sliding_window` is set. Absent: the key is ignored. */
  readonly sliding?: SlidingRule;
  /** Layers whose state does not grow with the context. */
  readonly recurrent?: RecurrentRule;
  /** `mla`: one compressed K per layer where the file has the MLA keys. `none`: an encoder, no cache at all. */
  readonly cache?: "mla" | "none";
  /** Query projection carries a gate of its own width (qwen3.5): 4.5 instead of 3 query widths in Metal's attention. */
  readonly gatedAttention?: true;
  /** Only the first layers own a cache. */
  readonly cachedLayers?: number;
  /** Whether measured cases confirm the entry. */
  readonly measured?: true;
}

export interface SlidingRule {
  /** Every `period`-th layer is full attention; a `sliding_window_pattern` key in the file wins. */
  readonly period: number;
  /** The first layer of each period is the full one, not the last. */
  readonly denseFirst?: true;
  /** Tokens, where the file names none. */
  readonly defaultWindow?: number;
}

export interface RecurrentRule {
  readonly layers: "all" | "no-kv-heads" | "no-kv-heads-and-no-ffn" | "interval" | "beside-attention";
  readonly state: "ssm" | "short-convolution" | "rwkv";
}

const STANDARD: Family = {};
const SSM_HYBRID: RecurrentRule = { layers: "no-kv-heads", state: "ssm" };

export const FAMILIES: Readonly<Record<string, Family>> = {
  llama: { measured: true },
  mistral3: STANDARD,
  qwen2: { measured: true },
  qwen2moe: STANDARD,
  qwen3: { measured: true },
  qwen3moe: { measured: true },
  phi2: STANDARD,
  phi3: { measured: true },
  phimoe: STANDARD,
  granite: STANDARD,
  granitemoe: STANDARD,
  stablelm: STANDARD,
  starcoder2: STANDARD,
  gemma: STANDARD,
  gemma2: { sliding: { period: 2, defaultWindow: 4096 }, measured: true },
  gemma3: { sliding: { period: 6 }, measured: true },
  "gpt-oss": { sliding: { period: 2 }, measured: true },
  cohere2: { sliding: { period: 4 } },
  olmo2: { sliding: { period: 4 } },
  exaone4: { sliding: { period: 4 } },
  smallthinker: { sliding: { period: 4, denseFirst: true, defaultWindow: 4096 } },
  deepseek2: { cache: "mla", measured: true },
  mamba: { recurrent: { layers: "all", state: "ssm" } },
  mamba2: { recurrent: { layers: "all", state: "ssm" }, measured: true },
  jamba: { recurrent: SSM_HYBRID },
  granitehybrid: { recurrent: SSM_HYBRID, measured: true },
  nemotron_h: { recurrent: { layers: "no-kv-heads-and-no-ffn", state: "ssm" } },
  "falcon-h1": { recurrent: { layers: "beside-attention", state: "ssm" } },
  lfm2: { recurrent: { layers: "no-kv-heads", state: "short-convolution" }, measured: true },
  qwen3next: { recurrent: { layers: "interval", state: "ssm" }, gatedAttention: true, measured: true },
  qwen35: { recurrent: { layers: "interval", state: "ssm" }, gatedAttention: true, measured: true },
  qwen35moe: { recurrent: { layers: "interval", state: "ssm" }, gatedAttention: true },
};
