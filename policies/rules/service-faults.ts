import { shown } from "../../api/explain.ts";
import { SERVER_DEFAULTS } from "../../api/server-defaults.ts";
import { draftModelRef } from "../../serving/speculation.ts";
import type { KnownServiceSpec, ServiceSubject } from "../definition.ts";
import { keyFaults } from "./key-faults.ts";

/** What is wrong across the fields of a service, one sentence each. LlmModel refuses the same of its arguments. */
export function serviceFaults({ label, labels, annotations, spec, unknown }: ServiceSubject): readonly string[] {
  const { nodeSelector, podLabels, podAnnotations } = spec;
  const keyed = {
    "metadata.labels": labels,
    "metadata.annotations": annotations,
    "spec.nodeSelector": nodeSelector,
    "spec.podLabels": podLabels,
    "spec.podAnnotations": podAnnotations,
  };
  const faults = [ownDraft(spec), largeMicroBatch(spec, unknown), ...keyFaults(keyed)];
  return faults.flatMap((fault) => (fault === undefined ? [] : [`${label}: ${fault}.`]));
}

function ownDraft({ modelRef, ...spec }: KnownServiceSpec): string | undefined {
  if (modelRef === undefined || draftModelRef({ ...spec, modelRef }) !== modelRef) return undefined;
  return `spec.speculativeDecoding.draftModelRef is ${shown(modelRef)}, the model itself; it must be the name of a smaller Model`;
}

function largeMicroBatch({ batchSize, uBatchSize }: KnownServiceSpec, unknown: readonly string[]): string | undefined {
  const batch = batchSize ?? SERVER_DEFAULTS.batchSize;
  if (uBatchSize === undefined || unknown.includes("spec.batchSize") || uBatchSize <= batch) return undefined;
  const byDefault = batchSize === undefined ? " by default" : "";
  return `spec.uBatchSize is ${uBatchSize}, more than spec.batchSize, which is ${batch}${byDefault}; it must be at most that`;
}
