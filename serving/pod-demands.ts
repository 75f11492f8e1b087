import {
  MAC_OS_LABEL_VALUE,
  MAC_TAINT,
  NODE_LABELS,
  PRIORITY_CLASSES,
  type WeightsIdentity,
  weightsKey,
} from "../api/fleet.ts";
import type { InferenceServiceSpec } from "../api/inferenceservice.ts";
import type { ModelSpec } from "../api/model.ts";
import { ok, type Result } from "../api/result.ts";
import { mergedAffinity } from "./affinity.ts";

/** What a service's pods ask of the Macs that they may run on: fields of a pod's spec, beside its memory and its port. */
export interface PodDemands {
  readonly priorityClassName: string;
  readonly nodeSelector: Readonly<Record<string, string>>;
  readonly tolerations: readonly object[];
  readonly affinity: object;
}

/** Taints that every pod of ours tolerates. */
const OWN_TOLERATIONS = [
  { key: MAC_TAINT.key, operator: "Equal", value: MAC_TAINT.value, effect: MAC_TAINT.effect },
  ...["not-ready", "unreachable"].map((state) => ({
    key: `node.kubernetes.io/${state}`,
    operator: "Exists",
    effect: "NoExecute",
    // How long a pod stays bound to a Mac that does not answer, before another Mac gets its replacement.
    tolerationSeconds: 60,
  })),
] as const;

/**
 * Where the pods of a service may run, for the controller that makes them and for a preview that foresees where they will be. Where the
 * service's own fields say the same thing differently, ours win. Fails where its own affinity is not of the shape that Kubernetes wants.
 *
 * @param needBytes whole bytes that one replica needs
 */
export function podDemands(
  spec: InferenceServiceSpec,
  model: WeightsIdentity & Pick<ModelSpec, "hardware">,
  needBytes: number,
): Result<PodDemands> {
  const { memoryBudget, memoryFraction } = model.hardware ?? {};
  const affinity = mergedAffinity(spec, {
    needBytes,
    fraction: memoryBudget === undefined ? memoryFraction : undefined,
    weightsKey: weightsKey(model),
  });
  if (!affinity.ok) return affinity;
  return ok({
    priorityClassName: spec.priorityClassName || PRIORITY_CLASSES[spec.priority].name,
    nodeSelector: { ...spec.nodeSelector, [NODE_LABELS.os]: MAC_OS_LABEL_VALUE },
    tolerations: tolerations(spec),
    affinity: affinity.value,
  });
}

/** Replicas that the manifest asks for now. */
export function wantedReplicas({
  spec,
}: {
  readonly spec: Pick<InferenceServiceSpec, "suspend" | "replicas">;
}): number {
  return spec.suspend ? 0 : spec.replicas;
}

function tolerations({ tolerations: theirs = [] }: InferenceServiceSpec): readonly object[] {
  const collides = (their: Readonly<Record<string, unknown>>) =>
    OWN_TOLERATIONS.some(({ key, effect }) => their["key"] === key && their["effect"] === effect);
  return [...OWN_TOLERATIONS, ...theirs.filter((their) => !collides(their))];
}
