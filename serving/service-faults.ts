import { shown } from "../api/explain.ts";
import type { InferenceServiceSpec } from "../api/inferenceservice.ts";
import { SERVER_DEFAULTS } from "../api/server-defaults.ts";
import { draftModelRef } from "./speculation.ts";

/** What is known of a spec before the update. */
export type PartlyKnownSpec = Omit<InferenceServiceSpec, "modelRef"> & { readonly modelRef?: string | undefined };

/**
 * What is wrong across the fields of a service, one clause each. Policies refuse it, LlmModel refuses the same of its arguments, and the
 * agent notes it: such a server runs well enough.
 *
 * @param unknown paths of fields whose values are not known yet, such as `spec.batchSize`
 */
export function serviceFaults(spec: PartlyKnownSpec, unknown: readonly string[] = []): readonly string[] {
  return [ownDraft(spec), largeMicroBatch(spec, unknown)].flatMap((fault) => (fault === undefined ? [] : [fault]));
}

function ownDraft({ modelRef, ...spec }: PartlyKnownSpec): string | undefined {
  if (modelRef === undefined || draftModelRef({ ...spec, modelRef }) !== modelRef) return undefined;
  return `spec.speculativeDecoding.draftModelRef is ${shown(modelRef)}, the model itself; it must be the name of a smaller Model`;
}

function largeMicroBatch(spec: PartlyKnownSpec, unknown: readonly string[]): string | undefined {
  const { batchSize, uBatchSize } = spec;
  const batch = batchSize ?? defaultBatch(spec, unknown);
  if (batch === undefined || uBatchSize === undefined || uBatchSize <= batch) return undefined;
  if (unknown.includes("spec.batchSize")) return undefined;
  const byDefault = batchSize === undefined ? " by default" : "";
  return `spec.uBatchSize is ${uBatchSize}, more than spec.batchSize, which is ${batch}${byDefault}; it must be at most that`;
}

/** Undefined where it follows the micro-batch, as for embeddings, or may. */
function defaultBatch({ mode = "chat" }: PartlyKnownSpec, unknown: readonly string[]): number | undefined {
  return mode !== "chat" || unknown.includes("spec.mode") ? undefined : SERVER_DEFAULTS.batchSize;
}
