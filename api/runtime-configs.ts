import * as z from "zod";
import { list, prose, text } from "./fields.ts";
import { huggingFaceTokenReference } from "./references.ts";

/** Settings of runtimes that do not run on Metal. They are checked and kept for clusters that also have other nodes. */

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
      .describe("The implementation of attention.")
      .optional(),
    cpuOffloadGB: z
      .int32()
      .min(0)
      .describe("The amount of weights to keep in host memory for each GPU, in GB.")
      .optional(),
    dtype: z.enum(["auto", "float16", "bfloat16"]).describe("The data type of weights and activations.").optional(),
    enableChunkedPrefill: z
      .boolean()
      .describe("Whether long prompts are processed in chunks (chunked prefill).")
      .optional(),
    enableExpertParallel: z
      .boolean()
      .describe("Whether the experts are divided among the GPUs (expert parallelism).")
      .optional(),
    enablePrefixCaching: z
      .boolean()
      .describe("Whether prompts with a common prefix share its cache (prefix caching).")
      .optional(),
    gpuMemoryUtilization: z.number().min(0.1).max(0.99).describe("The share of GPU memory to use.").optional(),
    hfTokenSecretRef: huggingFaceTokenReference().optional(),
    kvCacheCustomDtype: text()
      .describe("The data type of the KV cache, for a type that kvCacheDtype does not list.")
      .optional(),
    kvCacheDtype: z.enum(kvCacheDtypes).describe("The data type of the KV cache.").default("auto"),
    maxModelLen: z.int32().describe("The longest sequence, in tokens.").optional(),
    maxNumBatchedTokens: z.int32().min(512).describe("The most tokens in one batch.").optional(),
    quantization: z
      .enum(["awq", "gptq", "squeezellm", "fp8", "nvfp4", "mxfp4", "compressed-tensors"])
      .describe("The quantization of the weights.")
      .optional(),
    speculative: z
      .strictObject({
        enabled: z.boolean().describe("Whether speculative decoding is used.").optional(),
        model: text().describe("The draft model.").optional(),
        numSpeculativeTokens: z.int32().min(1).max(16).describe("The number of tokens to draft at a time.").default(4),
      })
      .describe("Speculative decoding.")
      .optional(),
    tensorParallelSize: z.int32().describe("The number of GPUs that share each layer (tensor parallelism).").optional(),
  })
  .describe("Settings for runtime vllm. Not used on Metal.");

const sglangSpeculativeSchema = z
  .strictObject({
    acceptThresholdAcc: share()
      .describe("The accumulated probability above which drafted tokens are accepted.")
      .optional(),
    acceptThresholdSingle: share()
      .describe("The probability above which a single drafted token is accepted.")
      .optional(),
    algorithm: z.enum(["EAGLE", "EAGLE3", "Medusa"]).describe("The algorithm of speculative decoding.").optional(),
    draftModelPath: text().describe("The draft model.").optional(),
    eagleTopK: atLeastOne().describe("The number of branches at each step of EAGLE.").optional(),
    enabled: z.boolean().describe("Whether speculative decoding is used.").optional(),
    numDraftTokens: atLeastOne().describe("The number of tokens to draft at a time.").default(4),
    numSteps: atLeastOne().describe("The number of drafting steps before the tokens are verified.").optional(),
  })
  .describe("Speculative decoding.");

const loraAdapterSchema = z.strictObject({
  name: text().min(1).describe("The name by which requests select the adapter."),
  path: text().min(1).describe("The path of the adapter."),
});

export const sglangConfigSchema = z
  .strictObject({
    attentionBackend: z
      .enum(["flashinfer", "flash_attn", "torch_native"])
      .describe("The implementation of attention.")
      .optional(),
    chatTemplate: prose().describe("A chat template that replaces the model's own.").optional(),
    chunkedPrefillSize: z.int32().min(512).describe("The number of tokens in one chunk of a long prompt.").optional(),
    contextLength: z.int32().min(128).describe("The longest sequence, in tokens.").optional(),
    dataParallelSize: atLeastOne().describe("The number of copies of the model (data parallelism).").optional(),
    enablePrefixCaching: z
      .boolean()
      .describe("Whether prompts with a common prefix share its cache (prefix caching).")
      .optional(),
    expertParallelSize: atLeastOne()
      .describe("The number of GPUs among which the experts are divided (expert parallelism).")
      .optional(),
    hfTokenSecretRef: huggingFaceTokenReference().optional(),
    kvCacheCustomDtype: text()
      .describe("The data type of the KV cache, for a type that kvCacheDtype does not list.")
      .optional(),
    kvCacheDtype: z.enum(kvCacheDtypes).describe("The data type of the KV cache.").default("auto"),
    logLevel: z.enum(["debug", "info", "warning", "error"]).describe("The log level.").optional(),
    loraAdapters: list(loraAdapterSchema).describe("The LoRA adapters to load, each with a name.").optional(),
    loraModules: list(text()).describe("The LoRA adapters to load, as name=path.").optional(),
    loraTargetModules: list(text()).describe("The layers that adapters may change.").optional(),
    maxLoraRank: atLeastOne().describe("The largest rank of an adapter.").optional(),
    maxRunningRequests: atLeastOne().describe("The most requests that run at the same time.").optional(),
    memFractionStatic: z
      .number()
      .min(0.1)
      .max(0.99)
      .describe("The share of GPU memory for weights and KV cache.")
      .optional(),
    quantization: text().describe("The quantization of the weights.").optional(),
    reasoningParser: z
      .enum(["qwen3", "deepseek-r1"])
      .describe("The parser that separates reasoning from the answer.")
      .optional(),
    skipTokenizerInit: z
      .boolean()
      .describe("Whether the tokenizer is skipped, so that requests contain tokens instead of text.")
      .optional(),
    speculative: sglangSpeculativeSchema.optional(),
    tensorParallelSize: atLeastOne()
      .describe("The number of GPUs that share each layer (tensor parallelism).")
      .optional(),
    toolCallParser: z
      .enum(["llama3", "qwen3", "qwen25", "hermes", "functionary", "mistral"])
      .describe("The parser that reads tool calls from the answer.")
      .optional(),
    trustRemoteCode: z.boolean().describe("Whether code that comes with the model may run.").optional(),
  })
  .describe("Settings for runtime sglang. Not used on Metal.");

export const tgiConfigSchema = z
  .strictObject({
    dtype: z.enum(["float16", "bfloat16"]).describe("The data type of weights and activations.").optional(),
    hfTokenSecretRef: huggingFaceTokenReference().optional(),
    maxInputLength: z.int32().describe("The longest prompt, in tokens.").optional(),
    maxTotalTokens: z.int32().describe("The longest prompt and answer together, in tokens.").optional(),
    quantize: z.enum(["bitsandbytes", "gptq", "awq", "eetq"]).describe("The quantization of the weights.").optional(),
  })
  .describe("Settings for runtime tgi. Not used on Metal.");

export const personaPlexConfigSchema = z
  .strictObject({
    cpuOffload: z.boolean().describe("Whether weights may be kept in host memory.").optional(),
    hfTokenSecretRef: huggingFaceTokenReference().optional(),
    quantize4Bit: z.boolean().describe("Whether the weights are quantized to 4 bits when they are loaded.").optional(),
  })
  .describe("Settings for runtime personaplex. Not used on Metal.");
