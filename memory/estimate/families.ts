import type { Backend } from "./types.ts";

/**
 * What llama.cpp does per architecture, as data: adding one is adding an entry (or, where it caches plain keys and values on
 * every layer, a name to {@link PLAIN}), with the source of its rule: a file of llama.cpp's `src/models`, as of September 2026,
 * or docs/background/llama-memory.md. `measured` families are held to measured cases in test/fixtures/truth.
 */
export interface Family {
  /** Where the rule was read: a file below llama.cpp's `src/`, or docs/background/llama-memory.md. */
  readonly source: string;
  /** Which layers see a window only, where `attention.sliding_window` is set. Absent: the key is ignored. */
  readonly sliding?: SlidingRule;
  /** Layers whose state does not grow with the context. */
  readonly recurrent?: RecurrentRule;
  /**
   * `mla`: one compressed K per layer where the file has the MLA keys; `mla-indexer`: and the keys of a sparse-attention
   * indexer. `none`: an encoder or a diffusion model, no cache at all.
   */
  readonly cache?: "mla" | "mla-indexer" | "none";
  /** Query projection carries a gate of its own width (qwen3.5): 4.5 instead of 3 query widths in Metal's attention. */
  readonly gatedAttention?: true;
  /** Queries, keys and values come out of one product, so that a layer's new keys and values need no room of their own. */
  readonly fusedProjection?: true;
  /** Only the first layers own a cache. */
  readonly cachedLayers?: number;
  /** The last `attention.shared_kv_layers` layers use another layer's cache. Absent: the key is ignored. */
  readonly sharedCaches?: true;
  /** Copies of the residual stream that the graph carries from layer to layer (gemma3n's AltUp). Default 1. */
  readonly residualStreams?: number;
  /** The feed-forward has no gate (starcoder2, falcon and kin): one copy of its width instead of three. */
  readonly ungated?: true;
  /** One more residual row lives through the feed-forward: attention's result, or a norm's, waits for it. */
  readonly parallelResidual?: true;
  /** Attention is computed without flash attention, whatever is asked for (grok). */
  readonly explicitScores?: true;
  /** Every expert layer has one more expert for all tokens, of the same width, and no key that says so. */
  readonly sharedExpert?: true;
  /** Some layers have one plain feed-forward instead of experts, and no key that says so. */
  readonly denseLayers?: true;
  /** Whether measured cases confirm the entry, on the CPU and on Metal. */
  readonly measured?: true;
  /**
   * The graph is llama's, operation by operation, and synthetic models confirm on the CPU that it reserves what llama's formula says: then
   * llama's cases on Metal hold for it as well.
   */
  readonly sameAsLlama?: true;
  /** Whether test/fixtures/synthetic.json confirms it, on the CPU only. */
  readonly measuredOnCpu?: true;
}

/** Whether measurements confirm the family's rules on this backend. */
export function confirmed(family: Family, backend: Backend): boolean {
  if (family.measured) return true;
  return family.measuredOnCpu === true && (backend === "cpu" || family.sameAsLlama === true);
}

export interface SlidingRule {
  /** Every `period`-th layer is full attention (0: none is); a `sliding_window_pattern` key in the file wins. */
  readonly period: number;
  /** The first layer of each period is the full one, not the last. */
  readonly denseFirst?: true;
  /** Tokens, where the file names none. */
  readonly defaultWindow?: number;
  /** Tokens, whatever the file names; a window of 0 in the file still turns it off. */
  readonly fixedWindow?: number;
  /** The file must have one flag a layer: llama.cpp knows no period. */
  readonly patternRequired?: true;
}

export interface RecurrentRule {
  readonly layers: "all" | "no-kv-heads" | "no-kv-heads-and-no-ffn" | "interval" | "beside-attention";
  readonly state: "ssm" | "short-convolution" | "rwkv" | "kda";
  /** Embedding widths a token that a layer of rwkv holds at once. Default 20. */
  readonly scanRows?: number;
}

/** Full attention with plain keys and values on every layer: no window, no state (llama-model.cpp, `create_memory`, default). */
const PLAIN: readonly string[] = [
  "apertus arcee arctic baichuan bailingmoe bailingmoe2 bitnet bloom chameleon chatglm codeshell cogvlm command-r dbrx deci",
  "deepseek deepseek2-ocr dots1 ernie4_5 ernie4_5-moe exaone falcon gemma glm4 glm4moe gpt2 gptj gptneox granite granitemoe",
  "grok grovemoe hunyuan-dense hunyuan-moe hunyuan_vl hy_v3 internlm2 jais jais2 llama-embed maincoder minicpm minicpm3",
  "minimax-m2 mistral3 mpt nemotron olmo olmoe openelm orion paddleocr pangu-embedded phi2 phimoe plamo plm qwen qwen2moe",
  "qwen2vl qwen3vl qwen3vlmoe refact seed_oss smollm3 stablelm starcoder starcoder2 xverse",
].flatMap((line) => line.split(" "));

/** Without a gate in the feed-forward (calls of build_ffn in `src/models`). */
const UNGATED: readonly string[] =
  "apertus arcee bert bloom codeshell falcon gpt2 gptneox jais2 mpt nemotron plm starcoder starcoder2".split(" ");

/** Norm, attention, gated feed-forward, two residual sums, and no experts (`src/models`); {@link Family.sameAsLlama}. */
const SAME_AS_LLAMA: readonly string[] = "baichuan exaone hunyuan-dense internlm2 seed_oss smollm3".split(" ");

/** Plain ones whose graph differs in what it computes (each one's file in `src/models`, its calls of build_ffn and build_attn). */
const VARIANTS: Readonly<Record<string, Partial<Family>>> = {
  ...Object.fromEntries(UNGATED.map((name): [string, Partial<Family>] => [name, { ungated: true }])),
  ...Object.fromEntries(SAME_AS_LLAMA.map((name): [string, Partial<Family>] => [name, { sameAsLlama: true }])),
  phi2: { ungated: true, parallelResidual: true },
  grok: { explicitScores: true },
};

/** Whose context and compute test/fixtures/synthetic.json confirms on the CPU; {@link Family.measuredOnCpu}. */
const MEASURED_ON_CPU: ReadonlySet<string> = new Set(
  [
    "arcee baichuan bloom chatglm command-r cohere2 exaone exaone4 falcon gemma glm4 gpt2 gptneox granite granitemoe",
    "hunyuan-dense hunyuan-moe internlm2 minicpm minicpm3 mistral3 mpt olmo olmo2 olmoe phi2 phimoe qwen2moe qwen2vl",
    "qwen3vl qwen3vlmoe seed_oss smollm3 stablelm starcoder2 ernie4_5 ernie4_5-moe bailingmoe2 dots1 dbrx grok minimax-m2",
    "llama4 apertus nemotron gemma-embedding bert nomic-bert rwkv6 mimo2 smallthinker falcon-h1 nemotron_h jamba gemma4",
    "mistral4 mamba rwkv7 plamo2 kimi-linear lfm2moe gemma3n",
  ].flatMap((line) => line.split(" ")),
);

/** No cache: encoders and diffusion models (llama-model.cpp, `create_memory`, null). */
const CACHELESS: readonly string[] = [
  "bert dream eurobert gemma-embedding jina-bert-v2 jina-bert-v3 llada llada-moe modern-bert neo-bert nomic-bert nomic-bert-moe",
  "rnd1",
].flatMap((line) => line.split(" "));

const NO_KV_HEADS_SSM: RecurrentRule = { layers: "no-kv-heads", state: "ssm" };
const NO_KV_HEADS_NO_FFN_SSM: RecurrentRule = { layers: "no-kv-heads-and-no-ffn", state: "ssm" };
const SHORT_CONVOLUTION: RecurrentRule = { layers: "no-kv-heads", state: "short-convolution" };
const INTERVAL_SSM: RecurrentRule = { layers: "interval", state: "ssm" };
const RWKV: RecurrentRule = { layers: "all", state: "rwkv" };
/** Five mixes of the shifted input, where rwkv7 has six and its own products. */
const RWKV6: RecurrentRule = { ...RWKV, scanRows: 15 };

const SPECIAL: Readonly<Record<string, Family>> = {
  llama: { source: "models/llama.cpp", measured: true },
  qwen2: { source: "models/qwen2.cpp", measured: true },
  qwen3: { source: "models/qwen3.cpp", measured: true },
  qwen3moe: { source: "models/qwen3moe.cpp", measured: true },
  phi3: { source: "models/phi3.cpp", fusedProjection: true, measured: true },

  gemma2: { source: "models/gemma2.cpp", sliding: { period: 2, defaultWindow: 4096 }, measured: true },
  gemma3: { source: "models/gemma3.cpp", sliding: { period: 6 }, measured: true },
  gemma3n: { source: "models/gemma3n.cpp", sliding: { period: 5 }, cachedLayers: 20, residualStreams: 4 },
  gemma4: { source: "models/gemma4.cpp", sharedCaches: true, sliding: { period: 0, patternRequired: true } },
  "gpt-oss": { source: "models/openai-moe.cpp", sliding: { period: 2 }, measured: true },
  llama4: { source: "models/llama4.cpp", sliding: { period: 4, fixedWindow: 8192 }, sharedExpert: true },
  cohere2: { source: "models/cohere2.cpp", sliding: { period: 4 }, parallelResidual: true },
  cohere2moe: { source: "models/cohere2moe.cpp", sliding: { period: 4, denseFirst: true } },
  olmo2: { source: "models/olmo2.cpp", sliding: { period: 4 } },
  exaone4: { source: "models/exaone4.cpp", sliding: { period: 4 } },
  "exaone-moe": { source: "models/exaone-moe.cpp", sliding: { period: 4 } },
  afmoe: { source: "models/afmoe.cpp", sliding: { period: 4 } },
  mellum: { source: "models/mellum.cpp", sliding: { period: 4 } },
  smallthinker: {
    source: "models/smallthinker.cpp",
    sliding: { period: 4, denseFirst: true, defaultWindow: 4096 },
  },
  laguna: { source: "models/laguna.cpp", sliding: { period: 4, denseFirst: true } },
  plamo3: { source: "models/plamo3.cpp", sliding: { period: 8 } },
  mimo2: { source: "models/mimo2.cpp", sliding: { period: 0, patternRequired: true }, denseLayers: true },
  step35: { source: "models/step35.cpp", sliding: { period: 0, patternRequired: true } },
  "granite-swa": { source: "docs/background/llama-memory.md", sliding: { period: 0, patternRequired: true } },

  deepseek2: { source: "models/deepseek2.cpp", cache: "mla", measured: true },
  mistral4: { source: "models/mistral4.cpp", cache: "mla" },
  deepseek32: { source: "llama-kv-cache-dsa.cpp", cache: "mla-indexer" },
  "glm-dsa": { source: "llama-kv-cache-dsa.cpp", cache: "mla-indexer" },

  mamba: { source: "models/mamba.cpp", recurrent: { layers: "all", state: "ssm" } },
  mamba2: { source: "models/mamba2.cpp", recurrent: { layers: "all", state: "ssm" }, measured: true },
  jamba: { source: "models/jamba.cpp", recurrent: NO_KV_HEADS_SSM, denseLayers: true },
  granitehybrid: { source: "models/granite-hybrid.cpp", recurrent: NO_KV_HEADS_SSM, measured: true },
  plamo2: { source: "models/plamo2.cpp", recurrent: NO_KV_HEADS_SSM, parallelResidual: true },
  nemotron_h: { source: "models/nemotron-h.cpp", recurrent: NO_KV_HEADS_NO_FFN_SSM },
  nemotron_h_moe: { source: "models/nemotron-h.cpp", recurrent: NO_KV_HEADS_NO_FFN_SSM },
  "falcon-h1": { source: "models/falcon-h1.cpp", recurrent: { layers: "beside-attention", state: "ssm" } },
  lfm2: { source: "models/lfm2.cpp", sliding: { period: 0 }, recurrent: SHORT_CONVOLUTION, measured: true },
  lfm2moe: { source: "models/lfm2.cpp", sliding: { period: 0 }, recurrent: SHORT_CONVOLUTION },
  qwen3next: { source: "models/qwen3next.cpp", recurrent: INTERVAL_SSM, gatedAttention: true, measured: true },
  qwen35: { source: "models/qwen35.cpp", recurrent: INTERVAL_SSM, gatedAttention: true, measured: true },
  qwen35moe: { source: "models/qwen35moe.cpp", recurrent: INTERVAL_SSM, gatedAttention: true },
  rwkv6: { source: "models/rwkv6.cpp", recurrent: RWKV6 },
  rwkv6qwen2: { source: "models/rwkv6qwen2.cpp", recurrent: RWKV },
  rwkv7: { source: "models/rwkv7.cpp", recurrent: RWKV },
  arwkv7: { source: "models/arwkv7.cpp", recurrent: RWKV },
  "kimi-linear": {
    source: "models/kimi-linear.cpp",
    cache: "mla",
    recurrent: { layers: "no-kv-heads", state: "kda" },
  },

  // One cache over block_count layers.
  t5: { source: "docs/background/llama-memory.md" },
  t5encoder: { source: "docs/background/llama-memory.md" },
};

const UNMARKED: Readonly<Record<string, Family>> = {
  ...Object.fromEntries(
    PLAIN.map((name): [string, Family] => [name, { source: "llama-model.cpp", ...VARIANTS[name] }]),
  ),
  ...Object.fromEntries(
    CACHELESS.map((name): [string, Family] => [name, { source: "llama-model.cpp", cache: "none", ...VARIANTS[name] }]),
  ),
  ...SPECIAL,
};

export const FAMILIES: Readonly<Record<string, Family>> = Object.fromEntries(
  Object.entries(UNMARKED).map(([name, family]): [string, Family] => [
    name,
    MEASURED_ON_CPU.has(name) ? { ...family, measuredOnCpu: true } : family,
  ]),
);

/**
 * Architectures whose last `nextn_predict_layers` layers, of multi-token prediction, are outside the main context (each one's
 * file in llama.cpp's `src/models` reads the key). Others ignore it: a header cannot talk its cache away with it.
 */
export const PREDICTING: ReadonlySet<string> = new Set([
  ...[
    "bailingmoe2",
    "deepseek32",
    "ernie4_5-moe",
    "exaone-moe",
    "glm-dsa",
    "glm4moe",
    "hy_v3",
    "mimo2",
    "nemotron_h_moe",
  ],
  ...["qwen35", "qwen35moe", "qwen3next", "step35"],
]);

/**
 * Architectures that are not in the table: full attention on every layer is an upper bound, as long as every key of the file is
 * one of these. They name widths, counts and scales that such a cache is computed from, or that no memory depends on.
 */
export const STANDARD: Family = { source: "llama-model.cpp" };

export const STANDARD_KEYS: ReadonlySet<string> = new Set([
  ...["block_count", "context_length", "embedding_length", "feed_forward_length", "vocab_size", "hidden_activation"],
  ...["embedding_scale", "residual_scale", "logit_scale", "attn_logit_softcapping", "final_logit_softcapping"],
  ...["router_logit_softcapping", "use_parallel_residual", "tensor_data_layout", "leading_dense_block_count"],
  ...["interleave_moe_layer_step", "moe_every_n_layers"],
  ...[
    "head_count",
    "head_count_kv",
    "key_length",
    "value_length",
    "key_length_swa",
    "value_length_swa",
    "sliding_window",
  ]
    .concat("sliding_window_pattern", "layer_norm_epsilon", "layer_norm_rms_epsilon", "clamp_kqv", "max_alibi_bias")
    .concat("scale", "output_scale", "temperature_length", "temperature_scale")
    .map((key) => `attention.${key}`),
  ...["count", "used_count", "shared_count", "feed_forward_length", "shared_feed_forward_length", "group_count"]
    .concat("group_used_count", "weights_scale", "weights_norm", "gating_func")
    .map((key) => `expert_${key}`),
  ...["dimension_count", "dimension_count_swa", "dimension_sections", "freq_base", "freq_base_swa", "scale_linear"]
    .concat("scaling.type", "scaling.factor", "scaling.attn_factor", "scaling.original_context_length")
    .concat("scaling.finetuned", "scaling.yarn_log_multiplier", "scaling.yarn_ext_factor", "scaling.yarn_attn_factor")
    .concat("scaling.yarn_beta_fast", "scaling.yarn_beta_slow", "scaling.alpha")
    .map((key) => `rope.${key}`),
]);
