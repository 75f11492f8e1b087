import type { InferenceServiceSpec } from "../api/inferenceservice.ts";
import type { ModelSpec } from "../api/model.ts";
import { fail, ok, type Result } from "../api/result.ts";
import { type Backend, CACHE_TYPES, type CacheType, type EstimateSettings } from "../memory/estimate/types.ts";
import { DEFAULT_SETTINGS, LOAD_MODE } from "./default-settings.ts";
import { speculationOf } from "./speculation.ts";

/**
 * The llama-server settings for a service's typed fields. Preview, agent and tests share this one mapping. It fails on
 * a field that would change memory or answers but is not supported, so that no need goes unestimated and no setting is
 * silently ignored (LLMKube#159).
 */
export function servingSettings(spec: InferenceServiceSpec, backend: Backend): Result<EstimateSettings> {
  const unserved = unservedField(spec);
  if (unserved !== undefined) return fail(unserved);
  const speculation = speculationOf(spec);
  if (!speculation.ok) return speculation;
  const cacheTypeK = cacheTypeOf(spec, "cacheTypeCustomK", "cacheTypeK");
  if (!cacheTypeK.ok) return cacheTypeK;
  const cacheTypeV = cacheTypeOf(spec, "cacheTypeCustomV", "cacheTypeV");
  if (!cacheTypeV.ok) return cacheTypeV;
  return ok({
    backend,
    cacheTypeK: cacheTypeK.value,
    cacheTypeV: cacheTypeV.value,
    contextSize: spec.contextSize ?? DEFAULT_SETTINGS.contextSize,
    parallel: spec.parallelSlots ?? DEFAULT_SETTINGS.parallel,
    flashAttention: spec.flashAttention ?? DEFAULT_SETTINGS.flashAttention,
    batchSize: spec.batchSize ?? DEFAULT_SETTINGS.batchSize,
    ubatchSize: spec.uBatchSize ?? DEFAULT_SETTINGS.ubatchSize,
    loadMode: LOAD_MODE,
    ...(speculation.value && { draftTokens: speculation.value.draftTokens }),
    ...(spec.ropeScaling && { ropeScaling: spec.ropeScaling.type }),
    ...(spec.moeCPUOffload && { moeCpu: true }),
    ...(spec.moeCPULayers && { moeCpuLayers: spec.moeCPULayers }),
  });
}

/** Why a Model cannot be estimated and served, as one sentence; undefined means that it can. */
export function unservedModel({ format }: Pick<ModelSpec, "format">): string | undefined {
  if (format === undefined || format === "gguf") return undefined;
  return `spec.format is ${format}, but only gguf models can be estimated and served`;
}

function unservedField(spec: InferenceServiceSpec): string | undefined {
  const { ropeScaling, noKvOffload, metadataOverrides = [], tensorOverrides = [] } = spec;
  if (ropeScaling?.type === "longrope") {
    return "spec.ropeScaling.type longrope is not supported, because llama-server reads it from the model's own file: remove it, or use yarn or linear";
  }
  if (noKvOffload) {
    return "spec.noKvOffload is not supported, because the CPU and the GPU share their memory and it would save nothing: remove it";
  }
  if (metadataOverrides.length > 0) {
    return "spec.metadataOverrides is not supported, because its effect on memory cannot be estimated: remove it";
  }
  if (tensorOverrides.length > 0) {
    return "spec.tensorOverrides is not supported, because the CPU and the GPU share their memory and it would save nothing: remove it";
  }
  return undefined;
}

/** A custom type goes before a listed one, and is called by the name of its own field. */
function cacheTypeOf(
  spec: InferenceServiceSpec,
  custom: "cacheTypeCustomK" | "cacheTypeCustomV",
  listed: "cacheTypeK" | "cacheTypeV",
): Result<CacheType> {
  return spec[custom] === undefined ? cacheType(listed, spec[listed]) : cacheType(custom, spec[custom]);
}

function cacheType(field: string, value: string | undefined): Result<CacheType> {
  const type = CACHE_TYPES.find((known) => known === (value ?? DEFAULT_SETTINGS.cacheTypeK));
  if (type !== undefined) return ok(type);
  return fail(`spec.${field} is ${JSON.stringify(value)}: one of ${CACHE_TYPES.join(", ")} is expected`);
}
