import type { WriterValue } from "./gguf-writer.ts";

/** A published model's hyper-parameters, from which `bench/twins.ts` makes a file that llama-server loads. */
export interface TwinShape {
  readonly architecture: string;
  /** Keys without the architecture before them. */
  readonly keys: Readonly<Record<string, WriterValue>>;
  /** Names of tensors that the loader does not insist on, but that the published files have; it says how they are shaped. */
  readonly optional?: readonly string[];
}

type Keys = TwinShape["keys"];

/** `size`: layers, embedding, heads, key/value heads, feed-forward, vocabulary. */
function shape(architecture: string, size: string, keys: Keys = {}, optional: readonly string[] = []): TwinShape {
  const [layers = 0, embedding = 0, heads = 0, kvHeads = 0, feedForward = 0, vocabulary = 0] = size
    .split(" ")
    .map(Number);
  return {
    architecture,
    optional,
    keys: {
      block_count: layers,
      context_length: 131072,
      embedding_length: embedding,
      "attention.head_count": heads,
      "attention.head_count_kv": kvHeads,
      feed_forward_length: feedForward,
      vocab_size: vocabulary,
      "attention.layer_norm_rms_epsilon": real(1e-5),
      "attention.layer_norm_epsilon": real(1e-5),
      ...keys,
    },
  };
}

function named(suffix: string, layers: number, has: (layer: number) => boolean = () => true): readonly string[] {
  return byLayer(layers, (layer) => layer)
    .filter(has)
    .map((layer) => `blk.${layer}.${suffix}`);
}

function real(value: number): WriterValue {
  return { type: "f32", value };
}

function reals(count: number): WriterValue {
  return { type: "array", of: "f32", value: Array<number>(count).fill(0.5) };
}

/** Experts in all, used for a token, and the width of one. */
function experts(count: number, used: number, feedForward: number, more: Keys = {}): Keys {
  return { expert_count: count, expert_used_count: used, expert_feed_forward_length: feedForward, ...more };
}

function head(width: number): Keys {
  return { "attention.key_length": width, "attention.value_length": width, "rope.dimension_count": width };
}

/** A value a layer, by what `of` says of its number. */
function byLayer<T extends number | boolean>(layers: number, of: (layer: number) => T): readonly T[] {
  return Array.from({ length: layers }, (_, layer) => of(layer));
}

function mla(queryRank: number): Keys {
  return {
    ...(queryRank > 0 && { "attention.q_lora_rank": queryRank }),
    "attention.kv_lora_rank": 512,
    "attention.key_length": 576,
    "attention.value_length": 512,
    "attention.key_length_mla": 192,
    "attention.value_length_mla": 128,
    "rope.dimension_count": 64,
  };
}

function stateSpace(convolution: number, inner: number, state: number, rank: number, groups?: number): Keys {
  return {
    "ssm.conv_kernel": convolution,
    "ssm.inner_size": inner,
    "ssm.state_size": state,
    "ssm.time_step_rank": rank,
    ...(groups !== undefined && { "ssm.group_count": groups }),
  };
}

const SIGMOID = { expert_gating_func: 2, expert_weights_norm: true, expert_weights_scale: real(2.5) };
const SECTIONS = { "rope.dimension_sections": { type: "array", of: "i32", value: [24, 20, 20, 0] } } as const;

const DENSE: Readonly<Record<string, TwinShape>> = {
  "llama3.1-8b": shape("llama", "32 4096 32 8 14336 128256"),
  "llama3.3-70b": shape("llama", "80 8192 64 8 28672 128256"),
  "mixtral-8x7b": shape(
    "llama",
    "32 4096 32 8 14336 32000",
    { expert_count: 8, expert_used_count: 2 },
    named("ffn_gate_exps.weight", 32),
  ),
  "qwen2.5-7b": shape("qwen2", "28 3584 28 4 18944 152064"),
  "qwen2.5-72b": shape("qwen2", "80 8192 64 8 29568 152064"),
  "qwen3-32b": shape("qwen3", "64 5120 64 8 25600 151936", head(128)),
  "qwen2.5-vl-7b": shape("qwen2vl", "28 3584 28 4 18944 152064", SECTIONS),
  "qwen3-vl-8b": shape("qwen3vl", "36 4096 32 8 12288 151936", { ...head(128), ...SECTIONS, n_deepstack_layers: 3 }),
  "gemma-2b": shape("gemma", "18 2048 8 1 16384 256000", head(256)),
  "gemma-7b": shape("gemma", "28 3072 16 16 24576 256000", head(256)),
  "gemma3-12b": shape("gemma3", "48 3840 16 8 15360 262144", { ...head(256), "attention.sliding_window": 1024 }),
  "phi-2": shape("phi2", "32 2560 32 32 10240 51200", { "rope.dimension_count": 32 }),
  "phi-4": shape("phi3", "40 5120 40 10 17920 100352", { "rope.dimension_count": 128 }, named("attn_qkv.weight", 40)),
  "glm4-9b": shape("glm4", "40 4096 32 2 13696 151552", { ...head(128), "rope.dimension_count": 64 }),
  "chatglm3-6b": shape("chatglm", "28 4096 32 2 13696 65024", { "rope.dimension_count": 64 }),
  "command-r-35b": shape("command-r", "40 8192 64 64 22528 256000", { logit_scale: real(0.0625) }),
  "granite3-8b": shape("granite", "40 4096 32 8 12800 49155", { logit_scale: real(16) }),
  "starcoder2-7b": shape("starcoder2", "32 4608 36 4 18432 49152", { "rope.dimension_count": 128 }),
  "stablelm-2-12b": shape("stablelm", "40 5120 32 8 13824 100352", { "rope.dimension_count": 40 }),
  "internlm2-7b": shape("internlm2", "32 4096 32 8 14336 92544", { "rope.dimension_count": 128 }),
  "ministral3-8b": shape("mistral3", "34 4096 32 8 14336 131072", head(128)),
  "minicpm3-4b": shape("minicpm3", "62 2560 40 40 6400 73448", {
    "attention.q_lora_rank": 768,
    "attention.kv_lora_rank": 256,
    "attention.key_length": 96,
    "attention.value_length": 64,
    "rope.dimension_count": 32,
  }),
  "minicpm-2b": shape("minicpm", "40 2304 36 36 5760 122753"),
  "ernie4.5-0.3b": shape("ernie4_5", "18 1024 16 2 3072 103424", head(128)),
  "hunyuan-7b": shape("hunyuan-dense", "32 4096 32 8 14336 128167", head(128)),
  "seed-oss-36b": shape("seed_oss", "64 5120 80 8 27648 155136", head(128)),
  "smollm3-3b": shape("smollm3", "36 2048 16 4 11008 128256"),
  "apertus-8b": shape("apertus", "32 4096 32 8 21504 131072", {
    "xielu.alpha_n": reals(32),
    "xielu.alpha_p": reals(32),
    "xielu.beta": reals(32),
    "xielu.eps": reals(32),
  }),
  "falcon-7b": shape("falcon", "32 4544 71 1 18176 65024"),
  "gpt2-xl": shape("gpt2", "48 1600 25 25 6400 50257"),
  "pythia-6.9b": shape("gptneox", "32 4096 32 32 16384 50432", {
    use_parallel_residual: true,
    "rope.dimension_count": 32,
  }),
  "olmo-7b": shape("olmo", "32 4096 32 32 11008 50304"),
  "nemotron-4b": shape("nemotron", "32 3072 24 8 9216 256000", { ...head(128), "rope.dimension_count": 64 }),
  "exaone3.5-8b": shape("exaone", "32 4096 32 8 14336 102400"),
  "arcee-4.5b": shape("arcee", "36 2560 20 4 18432 128004", head(128)),
  "baichuan2-7b": shape("baichuan", "32 4096 32 32 11008 125696"),
  "bloom-7b": shape("bloom", "30 4096 32 32 16384 250880"),
  "mpt-7b": shape("mpt", "32 4096 32 32 16384 50432", { "attention.max_alibi_bias": real(8) }),
};

const SLIDING: Readonly<Record<string, TwinShape>> = {
  "gemma3n-e4b": shape("gemma3n", "35 2048 8 2 16384 262400", {
    ...head(256),
    "attention.sliding_window": 512,
    embedding_length_per_layer_input: 256,
  }),
  "gemma3n-e2b": shape("gemma3n", "30 2048 8 2 8192 262400", {
    ...head(256),
    "attention.sliding_window": 512,
    embedding_length_per_layer_input: 256,
  }),
  "gemma4-31b": shape("gemma4", "60 5376 32 16 21504 262144", {
    "attention.head_count_kv": byLayer(60, (layer) => (layer % 6 === 5 ? 4 : 16)),
    ...gemma4(512, 256, 1024, 60, 6),
  }),
  "gemma4-e4b": shape("gemma4", "42 2560 8 2 10240 262144", {
    ...gemma4(512, 256, 512, 42, 6),
    embedding_length_per_layer_input: 256,
    "attention.shared_kv_layers": 18,
  }),
  "gemma4-26b-a4b": shape(
    "gemma4",
    "30 2816 16 8 2112 262144",
    {
      "attention.head_count_kv": byLayer(30, (layer) => (layer % 6 === 5 ? 2 : 8)),
      ...gemma4(512, 256, 1024, 30, 6),
      ...experts(128, 8, 704),
    },
    named("ffn_gate_inp.weight", 30),
  ),
  "command-r7b": shape("cohere2", "32 4096 32 8 14336 256000", {
    logit_scale: real(0.25),
    "attention.sliding_window": 4096,
    "rope.dimension_count": 128,
  }),
  "command-a-111b": shape("cohere2", "64 12288 96 8 36864 256000", {
    logit_scale: real(0.25),
    "attention.sliding_window": 4096,
    "rope.dimension_count": 128,
  }),
  "olmo2-13b": shape("olmo2", "40 5120 40 40 13824 100352"),
  "olmo3-7b": shape("olmo2", "32 4096 32 32 11008 100278", { "attention.sliding_window": 4096 }),
  "exaone4-32b": shape("exaone4", "64 5120 40 8 27392 102400", { "attention.sliding_window": 4096 }),
  "gpt-oss-120b": shape("gpt-oss", "36 2880 64 8 2880 201088", {
    ...head(64),
    ...experts(128, 4, 2880),
    "attention.sliding_window": 128,
  }),
  "llama4-scout": shape("llama4", "48 5120 40 8 16384 202048", {
    ...head(128),
    ...experts(16, 1, 8192),
    interleave_moe_layer_step: 1,
  }),
  "llama4-maverick": shape("llama4", "48 5120 40 8 16384 202048", {
    ...head(128),
    ...experts(128, 1, 8192),
    interleave_moe_layer_step: 2,
  }),
  "smallthinker-21b": shape("smallthinker", "52 2560 28 4 768 151936", {
    ...head(128),
    ...experts(64, 6, 768, { expert_gating_func: 2 }),
    "attention.sliding_window": 4096,
  }),
  "mimo-v2-flash": shape(
    "mimo2",
    "48 4096 64 8 16384 152576",
    {
      "attention.head_count_kv": byLayer(48, (layer) => (layer % 6 === 0 ? 4 : 8)),
      "attention.key_length": 192,
      "attention.value_length": 128,
      "rope.dimension_count": 64,
      ...experts(256, 8, 2048, SIGMOID),
      "attention.sliding_window": 128,
      "attention.sliding_window_pattern": byLayer(48, (layer) => layer % 6 !== 0),
    },
    [
      ...["gate_inp", "gate_exps", "up_exps", "down_exps"].flatMap((part) =>
        named(`ffn_${part}.weight`, 48, (layer) => layer >= 1),
      ),
      ...["gate", "up", "down"].flatMap((part) => named(`ffn_${part}.weight`, 1)),
    ],
  ),
  "step3.5-flash": shape("step35", "45 4096 64 8 11264 128896", {
    ...head(128),
    "attention.head_count": byLayer(45, (layer) => (layer % 4 === 0 ? 64 : 96)),
    ...experts(288, 8, 1280, { ...SIGMOID, expert_shared_feed_forward_length: 1280 }),
    leading_dense_block_count: 3,
    "attention.sliding_window": 512,
    "attention.sliding_window_pattern": byLayer(45, (layer) => layer % 4 !== 0),
  }),
};

function gemma4(full: number, sliding: number, window: number, layers: number, period: number): Keys {
  return {
    ...head(full),
    "attention.key_length_swa": sliding,
    "attention.value_length_swa": sliding,
    "rope.dimension_count_swa": sliding,
    "attention.sliding_window": window,
    "attention.sliding_window_pattern": byLayer(layers, (layer) => layer % period !== period - 1),
    embedding_length_per_layer_input: 0,
  };
}

const EXPERTS: Readonly<Record<string, TwinShape>> = {
  "qwen3-235b-a22b": shape("qwen3moe", "94 4096 64 4 12288 151936", { ...head(128), ...experts(128, 8, 1536) }),
  "qwen1.5-moe-a2.7b": shape("qwen2moe", "24 2048 16 16 5632 151936", {
    ...experts(60, 4, 1408),
    expert_shared_feed_forward_length: 5632,
  }),
  "qwen3-vl-30b-a3b": shape("qwen3vlmoe", "48 2048 32 4 6144 151936", {
    ...head(128),
    ...experts(128, 8, 768),
    ...SECTIONS,
    n_deepstack_layers: 3,
  }),
  "phi3.5-moe": shape("phimoe", "32 4096 32 8 6400 32064", {
    ...experts(16, 2, 6400),
    "rope.dimension_count": 128,
    "rope.scaling.original_context_length": 4096,
  }),
  "glm4.5-air": shape("glm4moe", "46 4096 96 8 10944 151552", {
    ...head(128),
    "rope.dimension_count": 64,
    ...experts(128, 8, 1408, { ...SIGMOID, expert_shared_count: 1 }),
    leading_dense_block_count: 1,
  }),
  "granite3-3b-a800m": shape(
    "granitemoe",
    "32 1536 24 8 512 49155",
    {
      expert_count: 40,
      expert_used_count: 8,
      logit_scale: real(6),
    },
    named("ffn_gate_exps.weight", 32),
  ),
  dbrx: shape("dbrx", "40 6144 48 8 10752 100352", {
    expert_count: 16,
    expert_used_count: 4,
    "attention.clamp_kqv": real(8),
  }),
  "grok-1": shape(
    "grok",
    "64 6144 48 8 32768 131072",
    { expert_count: 8, expert_used_count: 2 },
    named("ffn_gate_exps.weight", 64),
  ),
  "olmoe-7b": shape("olmoe", "16 2048 16 16 1024 50304", { expert_count: 64, expert_used_count: 8 }),
  "ernie4.5-21b-a3b": shape("ernie4_5-moe", "28 2560 20 4 12288 103424", {
    ...head(128),
    ...experts(64, 6, 1536, { expert_shared_feed_forward_length: 3072, expert_shared_count: 2 }),
    interleave_moe_layer_step: 1,
    leading_dense_block_count: 1,
  }),
  "hunyuan-a13b": shape("hunyuan-moe", "32 4096 32 8 3072 128167", {
    ...head(128),
    ...experts(64, 8, 3072, { expert_shared_feed_forward_length: 3072, expert_shared_count: 1 }),
  }),
  "dots1-142b": shape("dots1", "62 4096 32 32 10944 152064", {
    ...head(128),
    ...experts(128, 6, 1408, { ...SIGMOID, expert_shared_count: 2 }),
    leading_dense_block_count: 1,
  }),
  "ling-mini-2": shape("bailingmoe2", "20 2048 16 4 5120 157184", {
    ...head(128),
    "rope.dimension_count": 64,
    ...experts(256, 8, 512, { ...SIGMOID, expert_shared_count: 1, expert_shared_feed_forward_length: 512 }),
    expert_group_count: 8,
    expert_group_used_count: 4,
    leading_dense_block_count: 1,
  }),
  "minimax-m2": shape("minimax-m2", "62 3072 48 8 1536 200064", {
    ...head(128),
    "rope.dimension_count": 64,
    ...experts(256, 8, 1536, SIGMOID),
  }),
};

const COMPRESSED: Readonly<Record<string, TwinShape>> = {
  "deepseek-v2-lite": shape("deepseek2", "27 2048 16 1 10944 102400", {
    ...mla(0),
    ...experts(64, 6, 1408, { expert_shared_count: 2 }),
    leading_dense_block_count: 1,
  }),
  "deepseek-v3": shape("deepseek2", "61 7168 128 1 18432 129280", {
    ...mla(1536),
    ...experts(256, 8, 2048, { ...SIGMOID, expert_shared_count: 1 }),
    expert_group_count: 8,
    expert_group_used_count: 4,
    leading_dense_block_count: 3,
  }),
  "glm4.7-flash": shape("deepseek2", "47 2048 20 1 10240 154880", {
    ...mla(768),
    "attention.key_length_mla": 256,
    "attention.value_length_mla": 256,
    ...experts(64, 4, 1536, { ...SIGMOID, expert_shared_count: 1 }),
    leading_dense_block_count: 1,
  }),
  "mistral-small-4": shape("mistral4", "36 4096 32 1 12288 131072", {
    ...mla(1024),
    "attention.kv_lora_rank": 256,
    "attention.key_length": 320,
    "attention.value_length": 256,
    "attention.key_length_mla": 128,
    "attention.value_length_mla": 128,
    ...experts(128, 4, 2048, { expert_shared_count: 1, expert_weights_norm: true }),
  }),
  "deepseek-v3.2": shape("deepseek32", "61 7168 128 1 18432 129280", {
    ...mla(1536),
    ...experts(256, 8, 2048, { ...SIGMOID, expert_shared_count: 1 }),
    expert_group_count: 8,
    expert_group_used_count: 4,
    leading_dense_block_count: 3,
    "attention.indexer.head_count": 64,
    "attention.indexer.key_length": 128,
    "attention.indexer.top_k": 2048,
  }),
  "glm-5": shape("glm-dsa", "79 6144 64 1 12288 154880", {
    ...mla(2048),
    "attention.key_length_mla": 256,
    "attention.value_length_mla": 256,
    ...experts(256, 8, 2048, { ...SIGMOID, expert_shared_count: 1 }),
    leading_dense_block_count: 3,
    nextn_predict_layers: 1,
    "attention.indexer.head_count": 32,
    "attention.indexer.key_length": 128,
    "attention.indexer.top_k": 2048,
  }),
};

const NEMOTRON_9B = "M-M-M-MM-M-M-M*-M-M-M*-M-M-M-M*-M-M-M-M*-M-MM-M-M-M-M-M-";
const NEMOTRON_30B = "MEMEM*EMEMEM*EMEMEM*EMEMEM*EMEMEM*EMEMEMEM*EMEMEMEME";

const threeOfFour = (layer: number): boolean => layer % 4 !== 3;

const RECURRENT: Readonly<Record<string, TwinShape>> = {
  "mamba-2.8b": shape("mamba", "64 2560 0 0 0 50280", stateSpace(4, 5120, 16, 160)),
  "mamba2-2.7b": shape("mamba2", "64 2560 0 0 0 50288", stateSpace(4, 5120, 128, 80, 1)),
  "rwkv6-7b": shape(
    "rwkv6",
    "32 4096 0 0 14336 65536",
    {
      "wkv.head_size": 64,
      time_mix_extra_dim: 32,
      time_decay_extra_dim: 64,
    },
    named("time_mix_lerp_fused.weight", 32),
  ),
  "rwkv7-2.9b": shape("rwkv7", "32 2560 0 0 10240 65536", {
    "wkv.head_size": 64,
    "attention.decay_lora_rank": 96,
    "attention.iclr_lora_rank": 96,
    "attention.value_residual_mix_lora_rank": 64,
    "attention.gate_lora_rank": 320,
  }),
  "jamba-mini": shape(
    "jamba",
    "32 4096 32 8 14336 65536",
    {
      "attention.head_count_kv": byLayer(32, (layer) => (layer % 8 === 4 ? 8 : 0)),
      ...stateSpace(4, 8192, 16, 256),
      expert_count: 16,
      expert_used_count: 2,
    },
    named("ffn_gate_inp.weight", 32, (layer) => layer % 2 === 1),
  ),
  "plamo2-8b": shape("plamo2", "32 4096 32 4 16384 100000", {
    "attention.head_count_kv": byLayer(32, (layer) => (layer % 2 === 1 ? 4 : 0)),
    ...head(128),
    ...stateSpace(4, 8192, 64, 64, 0),
  }),
  "falcon-h1-7b": shape(
    "falcon-h1",
    "44 3072 12 2 12288 130048",
    {
      ...head(128),
      ...stateSpace(4, 3072, 256, 24, 1),
    },
    named("ssm_conv1d.bias", 44),
  ),
  "granite4-h-small": shape(
    "granitehybrid",
    "40 4096 32 8 768 100352",
    {
      "attention.head_count_kv": byLayer(40, (layer) => (layer % 10 === 5 ? 8 : 0)),
      ...stateSpace(4, 8192, 128, 128, 1),
      logit_scale: real(16),
      expert_count: 72,
      expert_used_count: 10,
      expert_shared_feed_forward_length: 1536,
    },
    [...named("ssm_conv1d.bias", 40, (layer) => layer % 10 !== 5), ...named("ffn_gate_exps.weight", 40)],
  ),
  "nemotron-nano-9b-v2": shape(
    "nemotron_h",
    "56 4480 40 8 15680 131072",
    {
      "attention.head_count_kv": byLayer(56, (layer) => (NEMOTRON_9B.charAt(layer) === "*" ? 8 : 0)),
      feed_forward_length: byLayer(56, (layer) => (NEMOTRON_9B.charAt(layer) === "-" ? 15680 : 0)),
      ...head(128),
      ...stateSpace(4, 10240, 128, 128, 8),
    },
    named("ssm_conv1d.bias", 56, (layer) => NEMOTRON_9B.charAt(layer) === "M"),
  ),
  "nemotron3-nano-30b": shape(
    "nemotron_h_moe",
    "52 2688 32 2 1856 131072",
    {
      "attention.head_count_kv": byLayer(52, (layer) => (NEMOTRON_30B.charAt(layer) === "*" ? 2 : 0)),
      feed_forward_length: byLayer(52, (layer) => (NEMOTRON_30B.charAt(layer) === "E" ? 1856 : 0)),
      ...head(128),
      ...stateSpace(4, 4096, 128, 64, 8),
      ...experts(128, 6, 1856, { ...SIGMOID, expert_shared_count: 1, expert_shared_feed_forward_length: 3712 }),
    },
    named("ssm_conv1d.bias", 52, (layer) => NEMOTRON_30B.charAt(layer) === "M"),
  ),
  "kimi-linear-48b": shape("kimi-linear", "27 2304 32 1 9216 163840", {
    ...mla(0),
    "attention.head_count_kv": byLayer(27, (layer) => (threeOfFour(layer) && layer !== 26 ? 0 : 1)),
    "ssm.conv_kernel": 4,
    "kda.head_dim": 128,
    ...experts(256, 8, 1024, { ...SIGMOID, expert_shared_count: 1 }),
    leading_dense_block_count: 1,
  }),
  "lfm2-1.2b": shape("lfm2", "16 2048 32 8 8192 65536", {
    "attention.head_count_kv": byLayer(16, (layer) => ([2, 5, 8, 10, 12, 14].includes(layer) ? 8 : 0)),
    "shortconv.l_cache": 3,
  }),
  "lfm2-8b-a1b": shape("lfm2moe", "24 2048 32 8 7168 65536", {
    "attention.head_count_kv": byLayer(24, (layer) => ([2, 6, 10, 14, 18, 21].includes(layer) ? 8 : 0)),
    "shortconv.l_cache": 3,
    ...experts(32, 4, 1792, { expert_gating_func: 2 }),
    leading_dense_block_count: 2,
  }),
  "qwen3.5-35b-a3b": shape(
    "qwen35moe",
    "40 2048 16 2 5632 248320",
    {
      ...head(256),
      "rope.dimension_count": 64,
      ...SECTIONS,
      ...stateSpace(4, 4096, 128, 32, 16),
      ...experts(256, 8, 512, { expert_shared_feed_forward_length: 512 }),
    },
    ["attn_qkv.weight", "attn_gate.weight"].flatMap((part) => named(part, 40, threeOfFour)),
  ),
  "qwen3.5-397b-a17b": shape(
    "qwen35moe",
    "60 4096 32 2 5632 248320",
    {
      ...head(256),
      "rope.dimension_count": 64,
      ...SECTIONS,
      ...stateSpace(4, 8192, 128, 64, 16),
      ...experts(512, 10, 1024, { expert_shared_feed_forward_length: 1024 }),
    },
    ["attn_qkv.weight", "attn_gate.weight"].flatMap((part) => named(part, 60, threeOfFour)),
  ),
};

const ENCODERS: Readonly<Record<string, TwinShape>> = {
  "bge-large": shape("bert", "24 1024 16 16 4096 30522", {
    "attention.causal": false,
    pooling_type: 2,
    context_length: 8192,
    "tokenizer.ggml.token_type_count": 2,
  }),
  "nomic-embed-v1.5": shape("nomic-bert", "12 768 12 12 3072 30522", {
    "attention.causal": false,
    pooling_type: 1,
    "tokenizer.ggml.token_type_count": 2,
  }),
  "embeddinggemma-300m": shape("gemma-embedding", "24 768 3 1 1152 262144", {
    ...head(256),
    "attention.sliding_window": 512,
    pooling_type: 1,
  }),
};

export const TWIN_SHAPES: Readonly<Record<string, TwinShape>> = {
  ...DENSE,
  ...SLIDING,
  ...EXPERTS,
  ...COMPRESSED,
  ...RECURRENT,
  ...ENCODERS,
};
