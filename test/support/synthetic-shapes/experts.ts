import { experts, head, named, real, SECTIONS, SIGMOID, type SyntheticShape, shape } from "./shape.ts";

export const EXPERTS: Readonly<Record<string, SyntheticShape>> = {
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
