import * as z from "zod";
import { list, prose, text } from "./fields.ts";
import { huggingFaceTokenReference } from "./references.ts";

/** Settings of runtimes that do not run on Metal: checked and carried for clusters that also have other nodes. */

function share() {
  return z.number().min(0).max(1);
}

function atLeastOne() {
  return z.int32().min(1);
}

const kvCacheDtypes = ["auto", "fp8_e5m2", "fp8_e4m3"] as const;

export const vllmConfigSchema = z
  .strictObject({
    attentionBackend: z
      .enum(["FLASH_ATTN", "FLASHINFER", "XFORMERS", "flashinfer", "flash_attn", "xformers", "torch_sdpa"])
      .describe("Implementation of attention.")
      .optional(),
    cpuOffloadGB: z.int32().min(0).describe("Weights to keep in host memory, in GB a GPU.").optional(),
    dtype: z.enum(["auto", "float16", "bfloat16"]).describe("Type of weights and activations.").optional(),
    enableChunkedPrefill: z.boolean().describe("Whether long prompts are read in chunks.").optional(),
    enableExpertParallel: z.boolean().describe("Whether experts are divided among the GPUs.").optional(),
    enablePrefixCaching: z.boolean().describe("Whether prompts with a common start share its cache.").optional(),
    gpuMemoryUtilization: z.number().min(0.1).max(0.99).describe("Share of GPU memory to take.").optional(),
    hfTokenSecretRef: huggingFaceTokenReference().optional(),
    kvCacheCustomDtype: text().describe("Type of the KV cache that kvCacheDtype has no name for.").optional(),
    kvCacheDtype: z.enum(kvCacheDtypes).describe("Type of the KV cache.").default("auto"),
    maxModelLen: z.int32().describe("Longest sequence, in tokens.").optional(),
    maxNumBatchedTokens: z.int32().min(512).describe("Tokens in one batch.").optional(),
    quantization: z
      .enum(["awq", "gptq", "squeezellm", "fp8", "nvfp4", "mxfp4", "compressed-tensors"])
      .describe("How the weights are quantized.")
      .optional(),
    speculative: z
      .strictObject({
        enabled: z.boolean().describe("Whether to guess tokens ahead.").optional(),
        model: text().describe("Draft model.").optional(),
        numSpeculativeTokens: z.int32().min(1).max(16).describe("Tokens to guess ahead.").default(4),
      })
      .describe("Speculative decoding.")
      .optional(),
    tensorParallelSize: z.int32().describe("GPUs that share each layer.").optional(),
  })
  .describe("Settings for runtime vllm. Not used on Metal.");

const sglangSpeculativeSchema = z
  .strictObject({
    acceptThresholdAcc: share().describe("Accumulated probability at which guesses are accepted.").optional(),
    acceptThresholdSingle: share().describe("Probability at which one guess is accepted.").optional(),
    algorithm: z.enum(["EAGLE", "EAGLE3", "Medusa"]).describe("How tokens are guessed.").optional(),
    draftModelPath: text().describe("Draft model.").optional(),
    eagleTopK: atLeastOne().describe("Branches at each step of EAGLE.").optional(),
    enabled: z.boolean().describe("Whether to guess tokens ahead.").optional(),
    numDraftTokens: atLeastOne().describe("Tokens to guess ahead.").default(4),
    numSteps: atLeastOne().describe("Steps of guessing before a check.").optional(),
  })
  .describe("Speculative decoding.");

const loraAdapterSchema = z.strictObject({
  name: text().min(1).describe("Name that requests use."),
  path: text().min(1).describe("Where the adapter is."),
});

export const sglangConfigSchema = z
  .strictObject({
    attentionBackend: z
      .enum(["flashinfer", "flash_attn", "torch_native"])
      .describe("Implementation of attention.")
      .optional(),
    chatTemplate: prose().describe("Chat template in place of the model's own.").optional(),
    chunkedPrefillSize: z.int32().min(512).describe("Tokens in a chunk of a long prompt.").optional(),
    contextLength: z.int32().min(128).describe("Longest sequence, in tokens.").optional(),
    dataParallelSize: atLeastOne().describe("Copies of the model.").optional(),
    enablePrefixCaching: z.boolean().describe("Whether prompts with a common start share its cache.").optional(),
    expertParallelSize: atLeastOne().describe("GPUs that experts are divided among.").optional(),
    hfTokenSecretRef: huggingFaceTokenReference().optional(),
    kvCacheCustomDtype: text().describe("Type of the KV cache that kvCacheDtype has no name for.").optional(),
    kvCacheDtype: z.enum(kvCacheDtypes).describe("Type of the KV cache.").default("auto"),
    logLevel: z.enum(["debug", "info", "warning", "error"]).describe("What is logged.").optional(),
    loraAdapters: list(loraAdapterSchema).describe("LoRA adapters to load, by name.").optional(),
    loraModules: list(text()).describe("LoRA adapters to load, as name=path.").optional(),
    loraTargetModules: list(text()).describe("Layers that adapters may change.").optional(),
    maxLoraRank: atLeastOne().describe("Largest rank of an adapter.").optional(),
    maxRunningRequests: atLeastOne().describe("Requests served at once.").optional(),
    memFractionStatic: z.number().min(0.1).max(0.99).describe("Share of GPU memory for weights and cache.").optional(),
    quantization: text().describe("How the weights are quantized.").optional(),
    reasoningParser: z.enum(["qwen3", "deepseek-r1"]).describe("How reasoning is told from the answer.").optional(),
    skipTokenizerInit: z.boolean().describe("Whether requests bring tokens in place of text.").optional(),
    speculative: sglangSpeculativeSchema.optional(),
    tensorParallelSize: atLeastOne().describe("GPUs that share each layer.").optional(),
    toolCallParser: z
      .enum(["llama3", "qwen3", "qwen25", "hermes", "functionary", "mistral"])
      .describe("How tool calls are read from the answer.")
      .optional(),
    trustRemoteCode: z.boolean().describe("Whether code that comes with a model may run.").optional(),
  })
  .describe("Settings for runtime sglang. Not used on Metal.");

export const tgiConfigSchema = z
  .strictObject({
    dtype: z.enum(["float16", "bfloat16"]).describe("Type of weights and activations.").optional(),
    hfTokenSecretRef: huggingFaceTokenReference().optional(),
    maxInputLength: z.int32().describe("Longest prompt, in tokens.").optional(),
    maxTotalTokens: z.int32().describe("Longest prompt and answer together, in tokens.").optional(),
    quantize: z.enum(["bitsandbytes", "gptq", "awq", "eetq"]).describe("How the weights are quantized.").optional(),
  })
  .describe("Settings for runtime tgi. Not used on Metal.");

export const personaPlexConfigSchema = z
  .strictObject({
    cpuOffload: z.boolean().describe("Whether weights may be kept in host memory.").optional(),
    hfTokenSecretRef: huggingFaceTokenReference().optional(),
    quantize4Bit: z.boolean().describe("Whether weights are quantized to 4 bits on loading.").optional(),
  })
  .describe("Settings for runtime personaplex. Not used on Metal.");
