/**
 * Element types of the KV cache that cacheTypeK and cacheTypeV name; others go into cacheTypeCustomK and
 * cacheTypeCustomV.
 */
export const CACHE_TYPES = ["f16", "f32", "q8_0", "q4_0", "q4_1", "q5_0", "q5_1", "iq4_nl"] as const;
export type CacheType = (typeof CACHE_TYPES)[number];

/**
 * What a server gets where a field is not set. Context and slots are LLMKube's defaults, the rest is llama-server's
 * own; sizes are in tokens.
 */
export const SERVER_DEFAULTS = {
  contextSize: 2048,
  parallelSlots: 1,
  cacheType: "f16",
  flashAttention: true,
  batchSize: 2048,
  uBatchSize: 512,
  draftTokens: 3,
} as const;

export const MAX_CONTEXT_SIZE = 2 ** 21;
export const MAX_PARALLEL_SLOTS = 64;
