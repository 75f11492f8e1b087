import type { InferenceServiceSpec } from "../api/inferenceservice.ts";
import type { ModelSpec } from "../api/model.ts";
import { fail, ok, type Result } from "../api/result.ts";
import { type Backend, CACHE_TYPES, type CacheType, type EstimateSettings } from "./estimate/types.ts";

/** Tokens, where a service names no context size: LLMKube's default. */
export const DEFAULT_CONTEXT_SIZE = 2048;
/** llama-server's own -b and -ub. */
export const DEFAULT_BATCH_SIZE = 2048;
export const DEFAULT_UBATCH_SIZE = 512;

/**
 * The llama-server settings that a service's typed fields ask for: the one mapping that preview, agent and tests share.
 * Fails where a field would change memory or answers and is not acted upon yet, so that nothing passes unestimated and
 * nothing is silently dropped (llmkube.md §4, #159).
 */
export function servingSettings(spec: InferenceServiceSpec, backend: Backend): Result<EstimateSettings> {
  const unserved = unservedField(spec);
  if (unserved !== undefined) return fail(`spec.${unserved} is not supported yet: remove it`);
  const cacheTypeK = cacheType("cacheTypeK", spec.cacheTypeCustomK ?? spec.cacheTypeK);
  if (!cacheTypeK.ok) return cacheTypeK;
  const cacheTypeV = cacheType("cacheTypeV", spec.cacheTypeCustomV ?? spec.cacheTypeV);
  if (!cacheTypeV.ok) return cacheTypeV;
  return ok({
    backend,
    cacheTypeK: cacheTypeK.value,
    cacheTypeV: cacheTypeV.value,
    contextSize: spec.contextSize ?? DEFAULT_CONTEXT_SIZE,
    parallel: spec.parallelSlots ?? 1,
    flashAttention: spec.flashAttention ?? true,
    batchSize: spec.batchSize ?? DEFAULT_BATCH_SIZE,
    ubatchSize: spec.uBatchSize ?? DEFAULT_UBATCH_SIZE,
  });
}

/** What a Model asks for beside its weights and cannot be counted yet, as a sentence; undefined: nothing. */
export function uncountedModelParts(spec: ModelSpec): string | undefined {
  if (spec.format !== undefined && spec.format !== "gguf") {
    return `spec.format is ${spec.format}: only gguf models can be estimated and served`;
  }
  if (spec.mmproj !== undefined) return "spec.mmproj: the projector's memory is not counted yet; leave it out";
  return undefined;
}

function unservedField(spec: InferenceServiceSpec): string | undefined {
  const speculation = spec.speculativeDecoding?.type ?? "none";
  const given = {
    speculativeDecoding: speculation !== "none" && speculation !== "disabled",
    ropeScaling: spec.ropeScaling !== undefined,
    moeCPUOffload: spec.moeCPUOffload === true,
    moeCPULayers: (spec.moeCPULayers ?? 0) > 0,
    noKvOffload: spec.noKvOffload === true,
    metadataOverrides: (spec.metadataOverrides ?? []).length > 0,
    tensorOverrides: (spec.tensorOverrides ?? []).length > 0,
  };
  return Object.entries(given).find(([, isGiven]) => isGiven)?.[0];
}

function cacheType(field: string, value: string | undefined): Result<CacheType> {
  const type = CACHE_TYPES.find((known) => known === (value ?? "f16"));
  if (type !== undefined) return ok(type);
  return fail(`spec.${field} is ${JSON.stringify(value)}: one of ${CACHE_TYPES.join(", ")} is expected`);
}
