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
 * Fails where a field names something whose memory is not counted yet, so that nothing passes unestimated.
 */
export function servingSettings(spec: InferenceServiceSpec, backend: Backend): Result<EstimateSettings> {
  if (spec.speculativeDecoding !== undefined && usesDraft(spec.speculativeDecoding.type)) {
    return fail("spec.speculativeDecoding needs a second model whose memory is not counted yet: leave it out");
  }
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
    ...(spec.ropeScaling !== undefined && { ropeScaling: spec.ropeScaling.type }),
    ...(spec.moeCPUOffload !== undefined && { moeCpu: spec.moeCPUOffload }),
    ...(spec.moeCPULayers !== undefined && { moeCpuLayers: spec.moeCPULayers }),
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

function usesDraft(type: string): boolean {
  return !["none", "disabled"].includes(type) && !type.startsWith("ngram");
}

function cacheType(field: string, value: string | undefined): Result<CacheType> {
  const type = CACHE_TYPES.find((known) => known === (value ?? "f16"));
  if (type !== undefined) return ok(type);
  return fail(`spec.${field} is ${JSON.stringify(value)}: one of ${CACHE_TYPES.join(", ")} is expected`);
}
