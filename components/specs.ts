import type * as pulumi from "@pulumi/pulumi";
import type { InferenceServiceSpecInput } from "../api/inferenceservice.ts";
import type { ModelSpecInput } from "../api/model.ts";
import type { LlmModelArgs, Serving } from "./args.ts";
import { Accelerator } from "./enums.ts";

/** `T` as a program may write it: any part of it may be an output whose value is not known yet. */
export type InputOf<T> = pulumi.Input<T extends object ? { [Key in keyof T]: InputOf<T[Key]> } : T>;

/** `T` whose optional fields may also be undefined; Pulumi leaves such fields out of what it sends to the engine. */
type Given<T> = { readonly [Key in keyof T]: T[Key] | undefined };

/** `Model.spec` with the arguments that were given, and the accelerator. Plain arguments result in a plain object. */
export function modelSpec(args: LlmModelArgs): InputOf<ModelSpecInput> {
  return {
    source: args.source,
    sha256: args.sha256,
    format: args.format,
    quantization: args.quantization,
    mmproj: args.mmproj,
    hardware: {
      accelerator: args.accelerator ?? Accelerator.Metal,
      memoryBudget: args.memoryBudget,
      memoryFraction: args.memoryFraction,
      gpu: args.gpuLayers === undefined ? undefined : { layers: args.gpuLayers },
    },
  };
}

/** `InferenceService.spec` with the settings that were given, for a Model of the same namespace. */
export function serviceSpec(
  modelRef: pulumi.Input<string>,
  serving: Given<Serving>,
): InputOf<InferenceServiceSpecInput> {
  const { port, draftModel, draftTokens, ...settings } = serving;
  return {
    modelRef,
    ...settings,
    speculativeDecoding:
      draftModel === undefined
        ? undefined
        : { type: "draft-simple", draftModelRef: draftModel, nDraftMax: draftTokens },
    endpoint: port === undefined ? undefined : { port },
  };
}
