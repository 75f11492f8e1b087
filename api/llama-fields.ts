import * as z from "zod";
import { list, matching, prose, text, withCelRules } from "./fields.ts";

/** Element types of the KV cache that cacheTypeK and cacheTypeV name; others go into cacheTypeCustomK and cacheTypeCustomV. */
export const CACHE_TYPES = ["f16", "f32", "q8_0", "q4_0", "q4_1", "q5_0", "q5_1", "iq4_nl"] as const;
export type CacheType = (typeof CACHE_TYPES)[number];

/**
 * What a server gets where a field is not set. Context and slots are LLMKube's defaults, the rest is llama-server's own;
 * sizes are in tokens.
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

const DRAFT_TYPES: readonly string[] = ["draft", "draft-simple", "draft-eagle3", "draft-dflash", "draft-dspark"];
const CEL_DRAFT_TYPES = `[${DRAFT_TYPES.map((type) => `'${type}'`).join(", ")}]`;
const CEL_HAS_REF = "has(self.draftModelRef) && self.draftModelRef.size() > 0";
const CEL_HAS_NAME = "has(self.draftModel) && self.draftModel.size() > 0";

const speculativeDecodingFields = z.strictObject({
  type: z
    .enum([
      "none",
      "disabled",
      "mtp",
      "draft",
      "draft-simple",
      "draft-eagle3",
      "draft-mtp",
      "draft-dflash",
      "draft-dspark",
      "ngram-simple",
      "ngram-map-k",
      "ngram-map-k4v",
      "ngram-mod",
      "ngram-cache",
    ])
    .describe("How tokens are guessed ahead."),
  draftModelRef: text().describe("Name of a Model in the same namespace to draft with.").optional(),
  draftModel: text().min(1).max(253).describe("Draft model by the name that the runtime knows.").optional(),
  nDraftMax: z.int32().min(1).describe("Most tokens to guess ahead.").optional(),
  pMin: z.number().min(0).max(1).describe("Probability below which guessing stops.").optional(),
});

type SpeculativeDecoding = z.output<typeof speculativeDecodingFields>;

const namesDraft = ({ draftModel, draftModelRef }: SpeculativeDecoding) =>
  Boolean(draftModel) || Boolean(draftModelRef);

const speculativeDecodingSchema = withCelRules(speculativeDecodingFields, [
  {
    cel: `!(self.type in ${CEL_DRAFT_TYPES}) || (${CEL_HAS_REF}) || (${CEL_HAS_NAME})`,
    holds: (value) => !DRAFT_TYPES.includes(value.type) || namesDraft(value),
    message: "this type needs draftModelRef or draftModel",
  },
  {
    cel: `self.type in ${CEL_DRAFT_TYPES} || self.type == 'draft-mtp' || !((${CEL_HAS_REF}) || (${CEL_HAS_NAME}))`,
    holds: (value) => DRAFT_TYPES.includes(value.type) || value.type === "draft-mtp" || !namesDraft(value),
    message: "this type takes no draftModelRef and no draftModel",
  },
  {
    cel: `!((${CEL_HAS_REF}) && (${CEL_HAS_NAME}))`,
    holds: ({ draftModel, draftModelRef }) => !(draftModel && draftModelRef),
    message: "draftModelRef and draftModel exclude each other",
  },
]);

const ropeScalingSchema = z
  .strictObject({
    type: z.enum(["linear", "yarn", "longrope"]).describe("How positions are stretched."),
    factor: matching(/^[0-9]+(\.[0-9]+)?$/, "a decimal number in text, such as 4.0")
      .describe("By how much positions are stretched.")
      .optional(),
    originalContext: z.int32().min(128).describe("Context that the model was trained with, in tokens.").optional(),
  })
  .describe("Stretches positions beyond the context that the model was trained with.");

/** Fields of InferenceService.spec that become settings of llama-server. */
export const llamaFields = {
  mode: z.enum(["chat", "embedding", "rerank"]).describe("What the server answers; chat by default.").optional(),
  contextSize: z
    .int32()
    .min(128)
    .max(MAX_CONTEXT_SIZE)
    .describe("Context of the whole server in tokens, shared by its slots; 2048 where not set.")
    .optional(),
  ropeScaling: ropeScalingSchema.optional(),
  parallelSlots: z
    .int32()
    .min(1)
    .max(MAX_PARALLEL_SLOTS)
    .describe("Requests answered at once; each slot gets an equal part of contextSize. 1 where not set.")
    .optional(),
  flashAttention: z
    .boolean()
    .describe("Flash attention: less memory for computing, and needed for a quantized V cache. On unless false.")
    .optional(),
  jinja: z.boolean().describe("Whether the model's own chat template is used, which tool calls need.").optional(),
  cacheTypeK: z.enum(CACHE_TYPES).describe("Type of the keys in the KV cache; f16 where not set.").optional(),
  cacheTypeV: z.enum(CACHE_TYPES).describe("Type of the values in the KV cache; f16 where not set.").optional(),
  cacheTypeCustomK: text().describe("Type of the keys that cacheTypeK has no name for.").optional(),
  cacheTypeCustomV: text().describe("Type of the values that cacheTypeV has no name for.").optional(),
  batchSize: z.int32().min(1).max(16_384).describe("Tokens a batch of a prompt; 2048 where not set.").optional(),
  uBatchSize: z.int32().min(1).describe("Tokens computed in one go; 512 where not set.").optional(),
  moeCPUOffload: z.boolean().describe("Whether the weights of all experts stay off the GPU.").optional(),
  moeCPULayers: z.int32().min(0).describe("Layers whose experts stay off the GPU.").optional(),
  noKvOffload: z.boolean().describe("Whether the KV cache stays off the GPU.").optional(),
  noWarmup: z.boolean().describe("Whether the empty run after loading is left out.").optional(),
  speculativeDecoding: speculativeDecodingSchema.describe("Guessing tokens ahead, to answer faster.").optional(),
  reasoningBudget: z.int32().min(0).describe("Tokens that a model may reason before it answers.").optional(),
  reasoningBudgetMessage: prose().describe("Text that ends reasoning when its budget is used up.").optional(),
  metadataOverrides: list(text()).describe("Values in place of the header's, as key=type:value.").optional(),
  tensorOverrides: list(text()).describe("Where tensors are kept, as pattern=buffer.").optional(),
  extraArgs: list(prose())
    .describe("More arguments for the server. On Metal only those that leave memory and network alone are accepted.")
    .optional(),
};
