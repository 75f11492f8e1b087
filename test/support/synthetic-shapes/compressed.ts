import { experts, mla, SIGMOID, type SyntheticShape, shape } from "./shape.ts";

export const COMPRESSED: Readonly<Record<string, SyntheticShape>> = {
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
