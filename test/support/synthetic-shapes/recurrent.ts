import {
  byLayer,
  experts,
  head,
  type Keys,
  mla,
  named,
  real,
  SECTIONS,
  SIGMOID,
  type SyntheticShape,
  shape,
  stateSpace,
} from "./shape.ts";

const NEMOTRON_9B = "M-M-M-MM-M-M-M*-M-M-M*-M-M-M-M*-M-M-M-M*-M-MM-M-M-M-M-M-";
const NEMOTRON_30B = "MEMEM*EMEMEM*EMEMEM*EMEMEM*EMEMEM*EMEMEMEM*EMEMEMEME";

const threeOfFour = (layer: number): boolean => layer % 4 !== 3;

function falconH1(layers: number, size: string, state: Keys): SyntheticShape {
  return shape("falcon-h1", `${layers} ${size}`, { ...head(128), ...state }, named("ssm_conv1d.bias", layers));
}

export const RECURRENT: Readonly<Record<string, SyntheticShape>> = {
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
  "falcon-h1-7b": falconH1(44, "3072 12 2 12288 130048", stateSpace(4, 3072, 256, 24, 1)),
  "falcon-h1-34b": falconH1(72, "5120 20 4 21504 261120", stateSpace(4, 10240, 256, 32, 2)),
  "falcon-h1-1.5b": falconH1(24, "2048 8 2 4096 65536", stateSpace(4, 3072, 256, 48, 1)),
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
