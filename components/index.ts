export type { LlmModelArgs, ServingArgs } from "./args.ts";
export { Accelerator, CacheType, Priority, WeightsFormat } from "./enums.ts";
export { type EstimateMemoryArgs, estimateMemory, type MemoryEstimate } from "./estimate-memory.ts";
export { LlmModel } from "./llm-model.ts";
export { InferenceService, type InferenceServiceArgs, Model, type ModelArgs } from "./resources.ts";
