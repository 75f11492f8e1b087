import * as pulumi from "@pulumi/pulumi";
import type { InferenceServiceSpec } from "../generated/inference-service-spec.ts";
import type { ModelSpec } from "../generated/model-spec.ts";
import { isUnknown, withDefault } from "../inputs/unknown.ts";
import type { LlmModelArgs, Serving } from "./args.ts";
import { Accelerator } from "./enums.ts";

/** `T` as a program may write it: any part of it may be an output whose value is not known yet. */
export type InputOf<T> = pulumi.Input<
  T extends object ? { [Key in keyof T]: InputOf<T[Key]> | (object extends Pick<T, Key> ? undefined : never) } : T
>;

/** `T` whose optional fields may also be undefined; Pulumi leaves such fields out of what it sends to the engine. */
type Given<T> = { readonly [Key in keyof T]: T[Key] | undefined };

/** What is made of a value; undefined where there is none, or where an output turns out to be none. */
function ofPresent<T, Made>(
  value: pulumi.Input<T> | undefined,
  make: (value: pulumi.Input<T>) => Made,
): pulumi.Input<Made | undefined> {
  if (isUnknown(value)) return pulumi.output(value).apply((known) => (known === undefined ? undefined : make(value)));
  return value === undefined ? undefined : make(value);
}

/** `Model.spec` with the arguments that were given, and the accelerator. Plain arguments result in a plain object. */
export function modelSpec(
  args: Omit<LlmModelArgs, "serving"> & { readonly source: pulumi.Input<string> },
): InputOf<ModelSpec> {
  return {
    source: args.source,
    sha256: args.sha256,
    format: args.format,
    quantization: args.quantization,
    mmproj: args.mmproj,
    hardware: {
      accelerator: withDefault(args.accelerator, Accelerator.Metal),
      memoryBudget: args.memoryBudget,
      memoryFraction: args.memoryFraction,
      gpu: ofPresent(args.gpuLayers, (layers) => ({ layers })),
    },
  };
}

/** `InferenceService.spec` with the settings that were given, for a Model of the same namespace. */
export function serviceSpec(modelRef: pulumi.Input<string>, serving: Given<Serving>): InputOf<InferenceServiceSpec> {
  const { port, draftModel, draftTokens, ...others } = serving;
  // These are annotations: see on-demand.ts.
  const { idleUnload: _, aliases: _names, promptCache: _cache, savedSlots: _slots, ...settings } = others;
  return {
    modelRef,
    ...settings,
    speculativeDecoding: ofPresent(draftModel, (draftModelRef) => ({
      type: "draft-simple",
      draftModelRef,
      nDraftMax: draftTokens,
    })),
    endpoint: ofPresent(port, (known) => ({ port: known })),
  };
}
