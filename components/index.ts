export type { LlmModelArgs, Serving } from "./args.ts";
export { Accelerator, CacheType, Priority, WeightsFormat } from "./enums.ts";
export { type EstimateMemoryArgs, estimateMemory, type MemoryEstimate } from "./estimate-memory.ts";
export type { LlmControllerArgs, LlmNodeArgs } from "./fleet-args.ts";
export { LlmController } from "./llm-controller.ts";
export { LlmModel } from "./llm-model.ts";
export { LlmNode } from "./llm-node.ts";
export { InferenceService, type InferenceServiceArgs, Model, type ModelArgs } from "./resources.ts";
