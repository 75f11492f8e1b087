import { byLayer, experts, head, type Keys, named, real, SIGMOID, type SyntheticShape, shape } from "./shape.ts";

export const SLIDING: Readonly<Record<string, SyntheticShape>> = {
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
  "gemma4-12b": shape("gemma4", "48 3840 16 8 15360 262144", {
    "attention.head_count_kv": byLayer(48, (layer) => (layer % 6 === 5 ? 1 : 8)),
    ...gemma4(512, 256, 1024, 48, 6),
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
  "granite-swa-3b": shape("granite_swa", "32 2560 40 8 8192 100352", {
    logit_scale: real(6),
    "attention.sliding_window": 1024,
    "attention.sliding_window_pattern": byLayer(32, (layer) => layer % 4 !== 3),
  }),
  "muse-glimmer-30b": shape("muse-glimmer", "52 5120 40 8 20480 131072", {
    ...head(128),
    logit_scale: real(1),
    "attention.sliding_window": 2048,
  }),
  "spark2.5-1.7b": shape("spark2_5", "28 2048 16 8 6144 131072", {
    ...head(128),
    "attention.sliding_window": 512,
    "attention.sliding_window_pattern": byLayer(28, (layer) => layer % 4 !== 3),
  }),
  "maple-20b": shape("maple", "24 2880 32 4 2880 131072", {
    ...head(128),
    ...experts(32, 4, 1440),
    "attention.sliding_window": 1024,
    "attention.sliding_window_pattern": byLayer(24, (layer) => layer % 2 === 0),
    swiglu_clamp_exp: real(7),
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
