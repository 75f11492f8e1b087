import { PRIORITY_CLASSES } from "../api/fleet.ts";
import type { ManifestObject } from "./manifest-object.ts";
import { OWN_LABELS } from "./names.ts";

/** One PriorityClass for each `spec.priority` of an InferenceService. None is the default of the cluster. */
export function priorityClasses(): readonly ManifestObject[] {
  return Object.entries(PRIORITY_CLASSES).map(([priority, { name, value }]) => ({
    apiVersion: "scheduling.k8s.io/v1",
    kind: "PriorityClass",
    metadata: { name, labels: OWN_LABELS },
    value,
    globalDefault: false,
    description: `Models of InferenceServices whose priority is ${priority}.`,
  }));
}
