import type { EstimateSettings } from "../../memory/estimate/types.ts";

/** llama-server's defaults with one slot and 4,096 tokens on Metal; a test changes what it is about. */
export const SETTINGS: EstimateSettings = {
  contextSize: 4096,
  parallel: 1,
  cacheTypeK: "f16",
  cacheTypeV: "f16",
  flashAttention: true,
  batchSize: 2048,
  ubatchSize: 512,
  backend: "metal",
};
