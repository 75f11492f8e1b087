import { GROUP_VERSION } from "../../api/constants.ts";
import { childName, MANAGED_BY, SERVICE_LABEL } from "../../api/fleet.ts";
import type { InferenceService } from "../../api/inferenceservice.ts";
import { fail, ok, type Result } from "../../api/result.ts";
import type { KubeObject, ObjectMeta, OwnerReference } from "../../kube/client.ts";

const MANAGED_BY_LABEL = "app.kubernetes.io/managed-by";

/** Labels by which the pods of a service are selected. A selector cannot be changed later. */
export function selectorLabels({ metadata }: InferenceService): Readonly<Record<string, string>> {
  return { [SERVICE_LABEL]: childName(metadata.name) };
}

/** Labels of everything that the controller makes for a service. */
export function ownLabels(service: InferenceService): Readonly<Record<string, string>> {
  return { [MANAGED_BY_LABEL]: MANAGED_BY, ...selectorLabels(service) };
}

/** Selects every object that the controller makes, for a watch. */
export const OWN_LABEL_SELECTOR = `${MANAGED_BY_LABEL}=${MANAGED_BY}`;

export interface ChildNames {
  readonly deployment: string;
  readonly service: string;
  readonly podDisruptionBudget: string;
  /** Of the Secret that the controller makes. */
  readonly apiKeySecret: string;
}

export function childNames({ metadata }: InferenceService): ChildNames {
  const name = childName(metadata.name);
  return {
    deployment: name,
    service: name,
    podDisruptionBudget: name,
    apiKeySecret: childName(metadata.name, "-api-key"),
  };
}

/** Name, namespace, labels and owner of an object that belongs to a service: it goes with the service. */
export function ownMeta(service: InferenceService, uid: string, name: string): ObjectMeta {
  const { namespace } = service.metadata;
  return { name, namespace, labels: ownLabels(service), ownerReferences: [ownerReference(service, uid)] };
}

/** No `blockOwnerDeletion`: where that is checked it needs a further right, and background deletion does without. */
function ownerReference({ metadata }: InferenceService, uid: string): OwnerReference {
  return { apiVersion: GROUP_VERSION, kind: "InferenceService", name: metadata.name, uid, controller: true };
}

/**
 * Fails where an object has the name of one of a service's own but belongs to somebody else: a person's Service, or the Deployment of
 * another InferenceService whose shortened name is the same. It is not touched then.
 *
 * @param existing the object that has the name now; undefined: nobody does
 */
export function checkOwner(service: InferenceService, existing: KubeObject | undefined): Result<void> {
  if (existing === undefined) return ok(undefined);
  const owner = existing.metadata.ownerReferences?.find(({ controller }) => controller === true);
  if (owner !== undefined && owner.uid === service.metadata.uid) return ok(undefined);
  const kind = existing.kind ?? "object";
  if (owner?.kind === "InferenceService" && owner.name === service.metadata.name) {
    const wait = "it is made anew once that one is gone";
    return fail(
      `the ${kind} of an earlier InferenceService of this name is still being deleted: ${wait}`,
      "unreachable",
    );
  }
  const whose = owner === undefined ? "was not made for it" : `belongs to ${owner.kind} ${owner.name}`;
  const { namespace, name } = service.metadata;
  return fail(
    `InferenceService ${namespace}/${name} needs the name ${existing.metadata.name} for a ${kind} of its own, but the one of that name ${whose}: rename one of them`,
  );
}
