import * as z from "zod";
import { list, matching, prose, text, withCelRules } from "./fields.ts";
import { CACHE_TYPES, MAX_CONTEXT_SIZE, MAX_PARALLEL_SLOTS, SERVER_DEFAULTS } from "./server-defaults.ts";

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
    .describe("The method of speculative decoding."),
  draftModelRef: text()
    .describe("The name of the Model to use as the draft model. It must be in the same namespace.")
    .optional(),
  draftModel: text()
    .min(1)
    .max(253)
    .describe("The draft model, by the name under which the runtime knows it.")
    .optional(),
  nDraftMax: z.int32().min(1).describe("The most tokens to draft at a time.").optional(),
  pMin: z.number().min(0).max(1).describe("The probability below which drafting stops.").optional(),
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
    type: z.enum(["linear", "yarn", "longrope"]).describe("The method of RoPE scaling."),
    factor: matching(/^[0-9]+(\.[0-9]+)?$/, "a decimal number in text, such as 4.0")
      .describe("The factor by which the context window is extended.")
      .optional(),
    originalContext: z
      .int32()
      .min(128)
      .describe("The context window that the model was trained with, in tokens.")
      .optional(),
  })
  .describe("RoPE scaling: extends the context window beyond the one that the model was trained with.");

/** Fields of InferenceService.spec that become settings of llama-server. */
export const llamaFields = {
  mode: z
    .enum(["chat", "embedding", "rerank"])
    .describe("The kind of requests that the server answers. Defaults to chat.")
    .optional(),
  contextSize: z
    .int32()
    .min(128)
    .max(MAX_CONTEXT_SIZE)
    .describe(
      `The context window of the server in tokens, which all slots share. Defaults to ${SERVER_DEFAULTS.contextSize}.`,
    )
    .optional(),
  ropeScaling: ropeScalingSchema.optional(),
  parallelSlots: z
    .int32()
    .min(1)
    .max(MAX_PARALLEL_SLOTS)
    .describe(
      `The number of requests that are answered at the same time. Each slot gets an equal part of contextSize. Defaults to ${SERVER_DEFAULTS.parallelSlots}.`,
    )
    .optional(),
  flashAttention: z
    .boolean()
    .describe(
      `Whether to use flash attention. It needs less memory, and a quantized V cache needs it. Defaults to ${SERVER_DEFAULTS.flashAttention}.`,
    )
    .optional(),
  jinja: z.boolean().describe("Whether to use the chat template of the model. Tool calls need it.").optional(),
  cacheTypeK: z
    .enum(CACHE_TYPES)
    .describe(`The quantization of the keys in the KV cache. Defaults to ${SERVER_DEFAULTS.cacheType}.`)
    .optional(),
  cacheTypeV: z
    .enum(CACHE_TYPES)
    .describe(`The quantization of the values in the KV cache. Defaults to ${SERVER_DEFAULTS.cacheType}.`)
    .optional(),
  cacheTypeCustomK: text()
    .describe("The quantization of the keys, for a type that cacheTypeK does not list.")
    .optional(),
  cacheTypeCustomV: text()
    .describe("The quantization of the values, for a type that cacheTypeV does not list.")
    .optional(),
  batchSize: z
    .int32()
    .min(1)
    .max(16_384)
    .describe(`The logical batch size for prompt processing, in tokens. Defaults to ${SERVER_DEFAULTS.batchSize}.`)
    .optional(),
  uBatchSize: z
    .int32()
    .min(1)
    .describe(
      `The physical batch size, in tokens: how many are computed at once. Defaults to ${SERVER_DEFAULTS.uBatchSize}.`,
    )
    .optional(),
  moeCPUOffload: z
    .boolean()
    .describe("Whether the CPU computes the experts of all layers (mixture of experts).")
    .optional(),
  moeCPULayers: z
    .int32()
    .min(0)
    .describe("The number of first layers whose experts the CPU computes (mixture of experts).")
    .optional(),
  noKvOffload: z
    .boolean()
    .describe(
      "Whether to keep the KV cache off the GPU. Not supported on Metal, where the CPU and the GPU share their memory.",
    )
    .optional(),
  noWarmup: z.boolean().describe("Whether to skip the warm-up run after the model is loaded.").optional(),
  speculativeDecoding: speculativeDecodingSchema
    .describe("Speculative decoding: drafts tokens ahead, to answer faster.")
    .optional(),
  reasoningBudget: z
    .int32()
    .min(0)
    .describe("The most tokens that the model may spend on reasoning before it answers.")
    .optional(),
  reasoningBudgetMessage: prose().describe("The text that ends the reasoning when its budget is used up.").optional(),
  metadataOverrides: list(text())
    .describe("Values that replace those in the header of the GGUF file, as key=type:value. Not supported on Metal.")
    .optional(),
  tensorOverrides: list(text())
    .describe("Buffers to keep tensors in, as pattern=buffer. Not supported on Metal.")
    .optional(),
  extraArgs: list(prose())
    .describe(
      "Further arguments for the server. On Metal only arguments are accepted that change neither its memory nor its network exposure.",
    )
    .optional(),
};
