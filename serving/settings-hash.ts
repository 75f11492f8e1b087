import { createHash } from "node:crypto";
import type { InferenceService, InferenceServiceSpec } from "../api/inferenceservice.ts";
import type { Model } from "../api/model.ts";
import { parseOnDemand } from "../api/on-demand.ts";
import { draftModelRef } from "./speculation.ts";

/** Fields of `InferenceService.spec` that reach llama-server: another value needs another server process. */
const SERVICE_FIELDS = [
  "mode",
  "contextSize",
  "ropeScaling",
  "parallelSlots",
  "flashAttention",
  "jinja",
  "cacheTypeK",
  "cacheTypeV",
  "cacheTypeCustomK",
  "cacheTypeCustomV",
  "batchSize",
  "uBatchSize",
  "moeCPUOffload",
  "moeCPULayers",
  "noKvOffload",
  "noWarmup",
  "speculativeDecoding",
  "reasoningBudget",
  "reasoningBudgetMessage",
  "metadataOverrides",
  "tensorOverrides",
  "extraArgs",
] as const satisfies readonly (keyof InferenceServiceSpec)[];

/**
 * A digest of 16 hexadecimal digits of every typed field that needs another server process: those of the service that reach
 * llama-server, a prompt cache that it asks for as a quantity, and of its Model and draft Model what says which weights are loaded, and
 * onto what. A budget, a number of replicas or a priority is no part of it, and nor is a prompt cache of `auto`, which changes no need. A
 * field that is not set is no part of it either, and nor is the order of fields: an agent and a controller of different versions agree as
 * long as no field is used that one of them does not know.
 *
 * @param draft the Model that `draftModelRef` names; it is not looked at where the service has no draft model
 */
export function settingsHash(service: InferenceService, model: Model, draft?: Model): string {
  const { spec, metadata } = service;
  const asked = parseOnDemand(metadata.annotations);
  const fields = {
    service: Object.fromEntries(SERVICE_FIELDS.map((field) => [field, spec[field]])),
    promptCache: asked.ok && typeof asked.value.promptCache === "number" ? asked.value.promptCache : undefined,
    model: weightsFields(model),
    ...(draft !== undefined && draftModelRef(spec) !== undefined && { draft: weightsFields(draft) }),
  };
  return createHash("sha256").update(JSON.stringify(fields, sortedKeys)).digest("hex").slice(0, 16);
}

function weightsFields({ spec }: Model): object {
  const { accelerator, gpu } = spec.hardware ?? {};
  return {
    source: spec.source,
    sha256: spec.sha256?.toLowerCase(),
    mmproj: spec.mmproj,
    format: spec.format,
    // The schema's default appears only where there is a `hardware`: a budget that is added must change nothing here.
    accelerator: unlessDefault(accelerator, "cpu"),
    // -1 means what no value means: all layers.
    layers: unlessDefault(gpu?.layers, -1),
  };
}

/** What is said and what is left out must be one thing. */
function unlessDefault<Value>(value: Value | undefined, byDefault: Value): Value | undefined {
  return value === byDefault ? undefined : value;
}

function sortedKeys(_key: string, value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}
