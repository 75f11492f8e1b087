import { MAC_OS_LABEL_VALUE, MANAGED_BY, NODE_LABELS, POD_ANNOTATIONS, SERVICE_LABEL } from "../api/fleet.ts";
import type { ManifestObject } from "./manifest-object.ts";
import { accountUser, CONTROLLER, OWN_LABELS, POLICIES } from "./names.ts";

// An agent takes a pod's annotations and a Service takes a pod's label for the controller's word. So nobody else may write them: not into
// a pod, and not into a template that Kubernetes' own controllers would make a pod of.

const MANAGED_BY_LABEL = "app.kubernetes.io/managed-by";
/** Where the controller manager gives its controllers no accounts of their own, all of them are this user. */
const CONTROLLER_MANAGER = "system:kube-controller-manager";

/** CEL: the values by which `object` says that it is a model's pod, an empty text for each that is absent. */
function claims(object: string): string {
  const annotation = (key: string) => `${object}.?metadata.?annotations[?'${key}'].orValue('')`;
  const label = `${object}.?metadata.?labels[?'${SERVICE_LABEL}'].orValue('')`;
  return `[${[...Object.values(POD_ANNOTATIONS).map(annotation), label].join(", ")}]`;
}

function claimsAnything(object: string): string {
  return `${claims(object)}.exists(value, value != '')`;
}

/** CEL: whether a Deployment or ReplicaSet is the controller's, or would make such pods. */
function isMarked(object: string): string {
  return `(${managedBy(object)} == '${MANAGED_BY}' || ${claimsAnything(`${object}.spec.template`)})`;
}

function managedBy(object: string): string {
  return `${object}.metadata.?labels[?'${MANAGED_BY_LABEL}'].orValue('')`;
}

function ifOldToo(rule: (object: string) => string): string {
  return `${rule("object")} || (oldObject != null && ${rule("oldObject")})`;
}

/** CEL: whether one of Kubernetes' own controllers asks. */
function asks(controller: string): string {
  const users = [accountUser(controller, "kube-system"), CONTROLLER_MANAGER];
  return `request.userInfo.username in [${users.map((user) => `'${user}'`).join(", ")}]`;
}

/** CEL: whether the controller that owns the object is of this kind. */
function ownedBy(kind: string): string {
  return `object.metadata.?ownerReferences.orValue([]).exists(owner, owner.?controller.orValue(false) && owner.kind == '${kind}' && owner.apiVersion == 'apps/v1')`;
}

interface Validation {
  readonly expression: string;
  readonly message: string;
}

interface Policy {
  readonly name: string;
  readonly apiGroup: string;
  readonly resources: readonly string[];
  /** CEL: which of these objects the policy looks at. */
  readonly concerns: string;
  readonly validations: readonly Validation[];
}

function podsPolicy(): Policy {
  return {
    name: POLICIES.pods,
    apiGroup: "",
    resources: ["pods"],
    concerns: ifOldToo(claimsAnything),
    validations: [
      {
        expression: `request.operation != 'CREATE' || (${asks("replicaset-controller")} && ${ownedBy("ReplicaSet")})`,
        message:
          "a pod with the annotations or the label of a model's pod may come from a ReplicaSet only: create an InferenceService, and the controller makes its pods",
      },
      {
        expression: `request.operation != 'UPDATE' || ${claims("object")} == ${claims("oldObject")}`,
        message: "the annotations and the label of a model's pod stay as the controller wrote them",
      },
    ],
  };
}

function workloadsPolicy(namespace: string): Policy {
  const byController = `request.userInfo.username == '${accountUser(CONTROLLER, namespace)}'`;
  const unchanged = [
    `${managedBy("object")} == ${managedBy("oldObject")}`,
    `${claims("object.spec.template")} == ${claims("oldObject.spec.template")}`,
    "object.spec.template.spec == oldObject.spec.template.spec",
  ].join(" && ");
  return {
    name: POLICIES.workloads,
    apiGroup: "apps",
    resources: ["deployments", "replicasets"],
    concerns: `${byController} || ${ifOldToo(isMarked)}`,
    validations: [
      {
        expression: `request.operation != 'CREATE' || request.resource.resource != 'deployments' || ${byController}`,
        message:
          "only the controller makes Deployments of models: create an InferenceService, or leave out its labels and annotations",
      },
      {
        expression: `request.operation != 'CREATE' || request.resource.resource != 'replicasets' || (${asks("deployment-controller")} && ${ownedBy("Deployment")})`,
        message: "a ReplicaSet of a model may come from the controller's Deployment only: create an InferenceService",
      },
      {
        expression: `request.operation != 'UPDATE' || ${byController} || (${unchanged})`,
        message: "what a model's pods are made of is the controller's: change the InferenceService or its Model",
      },
      {
        expression: `!(${byController}) || (${forMacs()})`,
        message: "the controller may make pods for Macs only, without volumes and without a ServiceAccount's token",
      },
    ],
  };
}

/** CEL: so that who has the controller's token cannot run anything on another node, or as another account. */
function forMacs(): string {
  const spec = "object.spec.template.spec";
  return [
    `${managedBy("object")} == '${MANAGED_BY}'`,
    `${claims("object.spec.template")}.all(value, value != '')`,
    `${spec}.?nodeSelector[?'${NODE_LABELS.os}'].orValue('') == '${MAC_OS_LABEL_VALUE}'`,
    `${spec}.?automountServiceAccountToken.orValue(true) == false`,
    `size(${spec}.?volumes.orValue([])) == 0`,
  ].join(" && ");
}

/** The policies and their bindings, for all namespaces. */
export function admissionPolicies(namespace: string): readonly ManifestObject[] {
  return [podsPolicy(), workloadsPolicy(namespace)].flatMap((policy) => [policyOf(policy), bindingOf(policy)]);
}

const API_VERSION = "admissionregistration.k8s.io/v1";

function policyOf({ name, apiGroup, resources, concerns, validations }: Policy): ManifestObject {
  return {
    apiVersion: API_VERSION,
    kind: "ValidatingAdmissionPolicy",
    metadata: { name, labels: OWN_LABELS },
    spec: {
      failurePolicy: "Fail",
      matchConstraints: {
        resourceRules: [{ apiGroups: [apiGroup], apiVersions: ["v1"], operations: ["CREATE", "UPDATE"], resources }],
      },
      matchConditions: [{ name: "concerns-models", expression: concerns }],
      validations: validations.map((validation) => ({ ...validation, reason: "Forbidden" })),
    },
  };
}

function bindingOf({ name }: Policy): ManifestObject {
  return {
    apiVersion: API_VERSION,
    kind: "ValidatingAdmissionPolicyBinding",
    metadata: { name, labels: OWN_LABELS },
    spec: { policyName: name, validationActions: ["Deny"] },
  };
}
