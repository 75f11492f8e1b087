import type { InferenceServiceSpec } from "../api/inferenceservice.ts";
import type { ModelSpec } from "../api/model.ts";
import { fail, ok, type Result } from "../api/result.ts";
import { type Backend, CACHE_TYPES, type CacheType, type EstimateSettings } from "../memory/estimate/types.ts";
import { speculationOf } from "./speculation.ts";

/** Tokens, where a service names no context size: LLMKube's default. */
export const DEFAULT_CONTEXT_SIZE = 2048;
/** llama-server's own -b and -ub. */
export const DEFAULT_BATCH_SIZE = 2048;
export const DEFAULT_UBATCH_SIZE = 512;

/**
 * The llama-server settings that a service's typed fields ask for: the one mapping that preview, agent and tests share.
 * Fails where a field would change memory or answers and is not acted upon, so that nothing passes unestimated and
 * nothing is silently dropped (llmkube.md §4, #159).
 */
export function servingSettings(spec: InferenceServiceSpec, backend: Backend): Result<EstimateSettings> {
  const unserved = unservedField(spec);
  if (unserved !== undefined) return fail(unserved);
  const speculation = speculationOf(spec);
  if (!speculation.ok) return speculation;
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
    ...(speculation.value && { draftTokens: speculation.value.draftTokens }),
    ...(spec.ropeScaling && { ropeScaling: spec.ropeScaling.type }),
    ...(spec.moeCPUOffload && { moeCpu: true }),
    ...(spec.moeCPULayers && { moeCpuLayers: spec.moeCPULayers }),
  });
}

/** Why a Model cannot be estimated and served, as a sentence; undefined: it can. */
export function unservedModel({ format }: ModelSpec): string | undefined {
  if (format === undefined || format === "gguf") return undefined;
  return `spec.format is ${format}: only gguf models can be estimated and served`;
}

function unservedField(spec: InferenceServiceSpec): string | undefined {
  const { ropeScaling, noKvOffload, metadataOverrides = [], tensorOverrides = [] } = spec;
  if (ropeScaling?.type === "longrope") {
    return "spec.ropeScaling.type longrope is read from the model's own file: remove it, or use yarn or linear";
  }
  if (noKvOffload) {
    return "spec.noKvOffload is not supported: CPU and GPU share their memory, so it would save nothing: remove it";
  }
  if (metadataOverrides.length > 0) {
    return "spec.metadataOverrides is not supported: what it changes cannot be estimated: remove it";
  }
  if (tensorOverrides.length > 0) {
    return "spec.tensorOverrides is not supported: CPU and GPU share their memory, so it would save nothing: remove it";
  }
  return undefined;
}

function cacheType(field: string, value: string | undefined): Result<CacheType> {
  const type = CACHE_TYPES.find((known) => known === (value ?? "f16"));
  if (type !== undefined) return ok(type);
  return fail(`spec.${field} is ${JSON.stringify(value)}: one of ${CACHE_TYPES.join(", ")} is expected`);
}
