import type { Serving } from "../../../components/index.ts";

/** Every setting of `serving`, each with a value that is not its default. */
export const EVERY_SETTING = {
  contextSize: 4096,
  parallelSlots: 2,
  cacheTypeK: "q8_0",
  cacheTypeV: "q8_0",
  flashAttention: true,
  batchSize: 1024,
  uBatchSize: 256,
  replicas: 2,
  priority: "high",
  evictionProtection: true,
  port: 9000,
  draftModel: "small",
  draftTokens: 8,
  jinja: true,
  extraArgs: ["--temp", "0.7"],
  idleUnload: "never",
  aliases: ["gpt-4o", "org/repo:Q4"],
  promptCache: "2Gi",
  savedSlots: "off",
} satisfies Serving;
