import type { KnownArgs } from "./args-schema.ts";

/** Arguments that are a Model's: they are given where it is made. */
const OF_THE_MODEL = [
  "sha256",
  "format",
  "quantization",
  "mmproj",
  "memoryBudget",
  "memoryFraction",
  "accelerator",
  "gpuLayers",
  "modelSpec",
  "estimate",
  "hostMemory",
] as const satisfies readonly (keyof KnownArgs)[];

/** A component makes a Model from `source`, or serves the one that `modelRef` names. */
export function modelRefProblem(known: KnownArgs, missing: ReadonlySet<string>): string | undefined {
  const isGiven = (argument: keyof KnownArgs) => known[argument] !== undefined || missing.has(argument);
  if (!isGiven("modelRef")) {
    if (isGiven("source")) return undefined;
    return "source is missing; it must be the location of the weights, for example hf://org/repo/model.gguf; to serve a Model that is there already, set modelRef to its name";
  }
  if (isGiven("source")) {
    return "source and modelRef are both set: give source to make a Model, or modelRef to serve one that is made elsewhere";
  }
  if (!isGiven("serving")) {
    return "modelRef is set, but serving is not, so that there would be nothing to create: set serving, at least to an empty object";
  }
  const foreign = OF_THE_MODEL.find(isGiven);
  return foreign && `${foreign} belongs to the Model that modelRef names: set it where that Model is made`;
}
