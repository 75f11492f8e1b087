import type { Family } from "./family.ts";

/** One compressed K for each layer (MLA), and what sparse attention needs besides. */
export const COMPRESSED: Readonly<Record<string, Family>> = {
  deepseek2: { source: "models/deepseek2.cpp", cache: "mla", measured: true },
  mistral4: { source: "models/mistral4.cpp", cache: "mla" },
  deepseek32: { source: "llama-kv-cache-dsa.cpp", cache: "mla-indexer" },
  "glm-dsa": { source: "llama-kv-cache-dsa.cpp", cache: "mla-indexer", indexer: { default: "glm-5.2" } },
  hy_v4: { source: "models/hy-v4.cpp", cache: "mla-indexer", indexer: { default: "none" } },
  dots3note: {
    source: "llama-kv-cache-dsa-iswa.cpp",
    cache: "mla-indexer",
    indexer: { default: "none", required: true },
    sliding: { period: 0, patternRequired: true },
  },
  "minimax-m3": { source: "llama-kv-cache-msa.cpp", indexer: { besideExperts: true } },
  deepseek4: {
    source: "llama-kv-cache-dsv4.cpp",
    cache: "keys",
    compressedLevels: true,
    streamForEachSlot: true,
    sliding: { period: 0 },
    recurrent: { layers: "compressed", state: "compressor" },
  },
};
