import type { Backend } from "./types.ts";

/**
 * What llama.cpp does for each architecture, as data. To add an architecture, add an entry (or, if it caches plain keys
 * and values on every layer, a name to {@link PLAIN}) with the source of its rule: a file of llama.cpp's `src/models`,
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
   * sparse-attention indexer. `none`: an encoder or a diffusion model, which has no cache.
   */
  readonly cache?: "mla" | "mla-indexer" | "none";
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

export interface RecurrentRule {
  readonly layers: "all" | "no-kv-heads" | "no-kv-heads-and-no-ffn" | "interval" | "beside-attention";
  readonly state: "ssm" | "short-convolution" | "rwkv" | "kda";
  /** How many embedding widths an rwkv layer needs for each token. Default: 20. */
  readonly scanRows?: number;
}

/**
 * Full attention with plain keys and values on every layer, without a window or a recurrent state (llama-model.cpp,
 * `create_memory`, default).
 */
const PLAIN: readonly string[] = [
  "apertus arcee arctic baichuan bailingmoe bailingmoe2 bitnet bloom chameleon chatglm codeshell cogvlm command-r dbrx deci",
  "deepseek deepseek2-ocr dots1 ernie4_5 ernie4_5-moe exaone falcon gemma glm4 glm4moe gpt2 gptj gptneox granite granitemoe",
  "grok grovemoe hunyuan-dense hunyuan-moe hunyuan_vl hy_v3 internlm2 jais jais2 llama-embed maincoder minicpm minicpm3",
  "minimax-m2 mistral3 mpt nemotron olmo olmoe openelm orion paddleocr pangu-embedded phi2 phimoe plamo plm qwen qwen2moe",
  "qwen2vl qwen3vl qwen3vlmoe refact seed_oss smollm3 stablelm starcoder starcoder2 xverse",
].flatMap((line) => line.split(" "));

/** Architectures without a gate in the feed-forward (calls of build_ffn in `src/models`). */
const UNGATED: readonly string[] =
  "apertus arcee bert bloom codeshell falcon gpt2 gptneox jais2 mpt nemotron plm starcoder starcoder2".split(" ");

/**
 * Norm, attention, gated feed-forward, two residual sums, and no experts (`src/models`); {@link Family.sameAsLlama}.
 */
const SAME_AS_LLAMA: readonly string[] = "baichuan exaone hunyuan-dense internlm2 seed_oss smollm3".split(" ");

/**
 * Architectures of {@link PLAIN} whose graph differs (each one's file in `src/models`, its calls of build_ffn and
 * build_attn).
 */
const VARIANTS: Readonly<Record<string, Partial<Family>>> = {
  ...Object.fromEntries(UNGATED.map((name): [string, Partial<Family>] => [name, { ungated: true }])),
  ...Object.fromEntries(SAME_AS_LLAMA.map((name): [string, Partial<Family>] => [name, { sameAsLlama: true }])),
  phi2: { ungated: true, parallelResidual: true },
  grok: { explicitScores: true },
};

/**
 * Architectures whose context and compute test/fixtures/synthetic.json confirms on the CPU; {@link
 * Family.measuredOnCpu}.
 */
const MEASURED_ON_CPU: ReadonlySet<string> = new Set(
  [
    "arcee baichuan bloom chatglm command-r cohere2 exaone exaone4 falcon gemma glm4 gpt2 gptneox granite granitemoe",
    "hunyuan-dense hunyuan-moe internlm2 minicpm minicpm3 mistral3 mpt olmo olmo2 olmoe phi2 phimoe qwen2moe qwen2vl",
    "qwen3vl qwen3vlmoe seed_oss smollm3 stablelm starcoder2 ernie4_5 ernie4_5-moe bailingmoe2 dots1 dbrx grok minimax-m2",
    "llama4 apertus nemotron gemma-embedding bert nomic-bert rwkv6 mimo2 smallthinker falcon-h1 nemotron_h jamba gemma4",
    "mistral4 mamba rwkv7 plamo2 kimi-linear lfm2moe gemma3n",
  ].flatMap((line) => line.split(" ")),
);

/** Architectures without a cache: encoders and diffusion models (llama-model.cpp, `create_memory`, null). */
const CACHELESS: readonly string[] = [
  "bert dream eurobert gemma-embedding jina-bert-v2 jina-bert-v3 llada llada-moe modern-bert neo-bert nomic-bert nomic-bert-moe",
  "rnd1",
].flatMap((line) => line.split(" "));

/** Encoders that return embeddings, and bitnet, whose CPU multiplies by its only token table (each one's file in `src/models`). */
const WITHOUT_OUTPUT: ReadonlySet<string> = new Set(
  "bert bitnet eurobert jina-bert-v2 jina-bert-v3 modern-bert neo-bert nomic-bert nomic-bert-moe".split(" "),
);

const NO_KV_HEADS_SSM: RecurrentRule = { layers: "no-kv-heads", state: "ssm" };
const NO_KV_HEADS_NO_FFN_SSM: RecurrentRule = { layers: "no-kv-heads-and-no-ffn", state: "ssm" };
const SHORT_CONVOLUTION: RecurrentRule = { layers: "no-kv-heads", state: "short-convolution" };
const INTERVAL_SSM: RecurrentRule = { layers: "interval", state: "ssm" };
const RWKV: RecurrentRule = { layers: "all", state: "rwkv" };
/** It has five mixes of the shifted input; rwkv7 has six, and products of its own. */
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
  gemma4: {
    source: "models/gemma4.cpp",
    sharedCaches: true,
    denseOnMacs: true,
    sliding: { period: 0, patternRequired: true },
  },
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
    {
      ...family,
      ...(MEASURED_ON_CPU.has(name) && { measuredOnCpu: true as const }),
      ...(WITHOUT_OUTPUT.has(name) && { withoutOutput: true as const }),
    },
  ]),
);

/**
 * Architectures whose last `nextn_predict_layers` layers are for multi-token prediction and outside the main context
 * (the file of each in llama.cpp's `src/models` reads the key). For all others the key is ignored, so that a header
 * cannot hide a cache with it.
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
 * The rules for an architecture that is not in the table: full attention on every layer is an upper bound if every key
 * of the file is in {@link STANDARD_KEYS}.
 */
export const STANDARD: Family = { source: "llama-model.cpp" };

/** Keys that set widths, counts and scales from which a plain cache is computed, or on which no memory depends. */
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
