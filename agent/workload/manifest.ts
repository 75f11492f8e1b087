import type { InferenceService } from "../../api/inferenceservice.ts";
import type { Model } from "../../api/model.ts";

export type Manifest = Model | InferenceService;

/** `namespace/name`. */
export function nameOf({ metadata }: Manifest): string {
  return `${metadata.namespace}/${metadata.name}`;
}

/** `Kind namespace/name`. */
export function keyOf(manifest: Manifest): string {
  return `${manifest.kind} ${nameOf(manifest)}`;
}
