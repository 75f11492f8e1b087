import { ON_DEMAND_ANNOTATIONS } from "../../api/on-demand.ts";

/** The type of an LlmModel, now and in stacks that were made before it was renamed. */
const LLM_MODEL = /^(?:pulumi-)?llmkube:index:LlmModel$/;

/** Fields of `Model.spec` and of `InferenceService.spec` that have another name, or another place, among the arguments of LlmModel. */
const ARGUMENTS: Readonly<Record<string, string>> = {
  "spec.source": "source",
  "spec.sha256": "sha256",
  "spec.format": "format",
  "spec.quantization": "quantization",
  "spec.mmproj": "mmproj",
  "spec.hardware.accelerator": "accelerator",
  "spec.hardware.memoryBudget": "memoryBudget",
  "spec.hardware.memoryFraction": "memoryFraction",
  "spec.hardware.gpu.layers": "gpuLayers",
  "spec.endpoint.port": "serving.port",
  "spec.speculativeDecoding.draftModelRef": "serving.draftModel",
  "spec.speculativeDecoding.nDraftMax": "serving.draftTokens",
};

/** Where a budget comes from, in the words of LLMKube. */
const FROM_CRD = "(absolute from CRD)";

/** Annotations for which LlmModel has arguments. */
const ANNOTATIONS: Readonly<Record<string, string>> = {
  [ON_DEMAND_ANNOTATIONS.idleUnload]: "serving.idleUnload",
  [ON_DEMAND_ANNOTATIONS.aliases]: "serving.aliases",
  [ON_DEMAND_ANNOTATIONS.promptCache]: "serving.promptCache",
  [ON_DEMAND_ANNOTATIONS.savedSlots]: "serving.savedSlots",
};

const ANNOTATION = /\bmetadata\.annotations\["([^"]+)"\]/g;
const FIELD = /\bspec(?:\.\w+|\[\w+\])+/g;

export function isLlmModel(type: string): boolean {
  return LLM_MODEL.test(type);
}

/** Whether a resource with this parent was made by an LlmModel. */
export function isOfLlmModel(parentUrn: string | undefined): boolean {
  // A URN has the types of all ancestors, the resource's own last.
  const types = parentUrn?.split("::")[2];
  return isLlmModel(types?.split("$").at(-1) ?? "");
}

/** A message with the names that the arguments of LlmModel have: `serving.contextSize` where the manifest has `spec.contextSize`. */
export function inArgumentNames(text: string): string {
  return text
    .replaceAll(FROM_CRD, "(memoryBudget)")
    .replaceAll(ANNOTATION, (field, key: string) => ANNOTATIONS[key] ?? field)
    .replaceAll(FIELD, (field) => ARGUMENTS[field] ?? servingName(field));
}

function servingName(field: string): string {
  return field.startsWith("spec.hardware.") || field === "spec.modelRef" ? field : field.replace(/^spec/, "serving");
}
