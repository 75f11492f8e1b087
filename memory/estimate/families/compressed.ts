import type { Family } from "./family.ts";

/** One compressed K for each layer (MLA), and what sparse attention needs besides. */
export const COMPRESSED: Readonly<Record<string, Family>> = {
  deepseek2: { source: "models/deepseek2.cpp", cache: "mla", measured: true },
  mistral4: { source: "models/mistral4.cpp", cache: "mla" },
  deepseek32: { source: "llama-kv-cache-dsa.cpp", cache: "mla-indexer" },
  "glm-dsa": { source: "llama-kv-cache-dsa.cpp", cache: "mla-indexer" },
};
