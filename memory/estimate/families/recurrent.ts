import type { Family, RecurrentRule } from "./family.ts";

const NO_KV_HEADS_SSM: RecurrentRule = { layers: "no-kv-heads", state: "ssm" };
const NO_KV_HEADS_NO_FFN_SSM: RecurrentRule = { layers: "no-kv-heads-and-no-ffn", state: "ssm" };
const SHORT_CONVOLUTION: RecurrentRule = { layers: "no-kv-heads", state: "short-convolution" };
const INTERVAL_SSM: RecurrentRule = { layers: "interval", state: "ssm" };
const NO_KV_HEADS_KDA: RecurrentRule = { layers: "no-kv-heads", state: "kda" };
const RWKV: RecurrentRule = { layers: "all", state: "rwkv" };
/** It has five mixes of the shifted input; rwkv7 has six, and products of its own. */
const RWKV6: RecurrentRule = { ...RWKV, scanRows: 15 };

/** Some layers, or all, have a state that does not grow with the context. */
export const RECURRENT: Readonly<Record<string, Family>> = {
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
    recurrent: NO_KV_HEADS_KDA,
  },
  "kimi-k3": { source: "models/kimi-k3.cpp", cache: "mla", recurrent: NO_KV_HEADS_KDA },
  bailingmoe3: { source: "models/bailingmoe3.cpp", cache: "mla", recurrent: NO_KV_HEADS_KDA },
  "glm5-next": {
    source: "llama-memory-hybrid-idx.cpp",
    cache: "mla-indexer",
    indexer: { rows: 3 },
    recurrent: NO_KV_HEADS_KDA,
  },
  qwen4exp: {
    source: "llama-memory-hybrid-idx.cpp",
    indexer: { rows: 2, rowsIfCompressed: true },
    recurrent: INTERVAL_SSM,
    gatedAttention: true,
  },
  "minimax-01": {
    source: "models/minimax-01.cpp",
    recurrent: { layers: "interval", interval: 8, state: "linear" },
  },
};
