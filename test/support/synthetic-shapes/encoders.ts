import { head, type SyntheticShape, shape } from "./shape.ts";

export const ENCODERS: Readonly<Record<string, SyntheticShape>> = {
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
