import type { InferenceServiceSpec } from "../../api/inferenceservice.ts";
import type { Model, ModelSpec } from "../../api/model.ts";
import type { Budget } from "../../memory/budget.ts";
import type { Backend } from "../../memory/estimate/types.ts";

/** Fields of an InferenceService that decide what runs here, or are refused by name where they cannot. */
const SERVICE_FIELDS: ReadonlySet<string> = new Set<keyof InferenceServiceSpec>([
  "modelRef",
  "runtime",
  "mode",
  "replicas",
  "suspend",
  "priority",
  "evictionProtection",
  "endpoint",
  "contextSize",
  "parallelSlots",
  "batchSize",
  "uBatchSize",
  "flashAttention",
  "cacheTypeK",
  "cacheTypeV",
  "cacheTypeCustomK",
  "cacheTypeCustomV",
  "ropeScaling",
  "jinja",
  "noWarmup",
  "reasoningBudget",
  "reasoningBudgetMessage",
  "extraArgs",
  "speculativeDecoding",
  "moeCPUOffload",
  "moeCPULayers",
  "noKvOffload",
  "metadataOverrides",
  "tensorOverrides",
]);

/** The same of a Model; `quantization` is a word for people. `refreshPolicy` has a default, so it is judged by value. */
const MODEL_FIELDS: ReadonlySet<string> = new Set<keyof ModelSpec>([
  "source",
  "sha256",
  "sourceSecretRef",
  "refreshPolicy",
  "format",
  "quantization",
  "mmproj",
  "hardware",
]);

/**
 * What a person should know who reads the manifest and the status side by side (LLMKube#159, LLMKube#349): one sentence
 * each.
 */
export function notesOn(spec: InferenceServiceSpec, model: Model, budget: Budget, backend: Backend): readonly string[] {
  const notes: string[] = [];
  const { hardware, sourceSecretRef, refreshPolicy } = model.spec;
  if (spec.replicas > 1) notes.push(`spec.replicas is ${spec.replicas}; one machine runs one of them`);
  if (hardware?.accelerator === "metal" && backend !== "metal") {
    notes.push("asked for metal; this host has none, so it runs on the CPU");
  }
  if (sourceSecretRef !== undefined) {
    notes.push("sourceSecretRef needs a cluster; here HF_TOKEN in the agent's environment opens gated models");
  }
  if (refreshPolicy === "OnChange")
    notes.push("refreshPolicy OnChange is not acted on: remove the file to fetch it again");
  const ignored = [
    ...fieldsBeyond(spec, SERVICE_FIELDS, "spec."),
    ...fieldsBeyond(model.spec, MODEL_FIELDS, "the Model's spec."),
  ];
  if (ignored.length > 0) notes.push(`not acted on without a cluster: ${ignored.join(", ")}`);
  if (budget.hint !== undefined) notes.push(budget.hint);
  return notes;
}

function fieldsBeyond(spec: object, known: ReadonlySet<string>, prefix: string): readonly string[] {
  const given = Object.entries(spec).filter(([field, value]) => value !== undefined && !known.has(field));
  return given.map(([field]) => prefix + field);
}
