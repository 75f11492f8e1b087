import type { InferenceServiceSpec } from "../../api/inferenceservice.ts";
import type { Model, ModelSpec } from "../../api/model.ts";
import type { Budget } from "../../memory/budget.ts";
import type { Backend } from "../../memory/estimate/types.ts";
import { serviceFaults } from "../../serving/service-faults.ts";

/** Fields of an InferenceService that the agent acts on or refuses by name. All others get a note. */
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

/** The same for a Model. `quantization` is only descriptive. `refreshPolicy` has a default, so its value decides about a note. */
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

/** What notes are about. */
export interface Noted {
  readonly spec: InferenceServiceSpec;
  readonly model: Model;
  readonly budget: Budget;
  readonly backend: Backend;
  /** Who has put the workload on this machine: a folder of its own, or the scheduler of a cluster, where more fields have an effect. */
  readonly placedBy: "folder" | "scheduler";
}

/** Notes on settings that have no effect here, or another one than expected (LLMKube#159, LLMKube#349): one sentence each. */
export function notesOn({ spec, model, budget, backend, placedBy }: Noted): readonly string[] {
  const notes: string[] = placedBy === "folder" ? [...notesWithoutCluster(spec, model)] : [];
  const { hardware, sourceSecretRef, refreshPolicy } = model.spec;
  if (hardware?.accelerator === "metal" && backend !== "metal") {
    notes.push("spec.hardware.accelerator is metal, but this host has no Metal GPU; the model runs on the CPU");
  }
  if (sourceSecretRef !== undefined) {
    notes.push("sourceSecretRef has no effect here; for gated models, set HF_TOKEN in the agent's environment");
  }
  if (refreshPolicy === "OnChange")
    notes.push("refreshPolicy OnChange has no effect here; delete the downloaded file to download it again");
  // What preview refuses, and llama-server serves all the same, ends no server that runs.
  notes.push(...serviceFaults(spec).map((fault) => `${fault}; it is served as it is`));
  if (budget.hint !== undefined) notes.push(budget.hint);
  return notes;
}

function notesWithoutCluster(spec: InferenceServiceSpec, model: Model): readonly string[] {
  const replicas = `spec.replicas is ${spec.replicas}, but one machine runs one replica only`;
  const ignored = [
    ...fieldsBeyond(spec, SERVICE_FIELDS, "spec."),
    ...fieldsBeyond(model.spec, MODEL_FIELDS, "the Model's spec."),
  ];
  const fields = `without a cluster these fields have no effect: ${ignored.join(", ")}`;
  return [...(spec.replicas > 1 ? [replicas] : []), ...(ignored.length > 0 ? [fields] : [])];
}

function fieldsBeyond(spec: object, known: ReadonlySet<string>, prefix: string): readonly string[] {
  const given = Object.entries(spec).filter(([field, value]) => value !== undefined && !known.has(field));
  return given.map(([field]) => prefix + field);
}
