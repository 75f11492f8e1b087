import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { ManifestObject } from "../../cluster/manifest-object.ts";

/** Each has arguments of its own type, of which this file knows only that they are an object of that kind. */
type KindOfResource = new (name: string, args: never, opts: pulumi.CustomResourceOptions) => pulumi.CustomResource;

/** Pulumi's class for each kind that `cluster/` has. */
const KINDS: Readonly<Record<string, KindOfResource>> = {
  Namespace: k8s.core.v1.Namespace,
  ServiceAccount: k8s.core.v1.ServiceAccount,
  CustomResourceDefinition: k8s.apiextensions.v1.CustomResourceDefinition,
  PriorityClass: k8s.scheduling.v1.PriorityClass,
  ValidatingAdmissionPolicy: k8s.admissionregistration.v1.ValidatingAdmissionPolicy,
  ValidatingAdmissionPolicyBinding: k8s.admissionregistration.v1.ValidatingAdmissionPolicyBinding,
  ClusterRole: k8s.rbac.v1.ClusterRole,
  ClusterRoleBinding: k8s.rbac.v1.ClusterRoleBinding,
  Role: k8s.rbac.v1.Role,
  RoleBinding: k8s.rbac.v1.RoleBinding,
  Deployment: k8s.apps.v1.Deployment,
};

/** The namespace is made before what is in it, and all else before what runs. */
function waitsFor({ kind, metadata }: ManifestObject, made: readonly pulumi.Resource[]): readonly pulumi.Resource[] {
  if (kind === "Deployment") return made;
  return metadata.namespace === undefined ? [] : made.filter((one) => k8s.core.v1.Namespace.isInstance(one));
}

/**
 * A resource for each object, named `PREFIX-NAME`.
 *
 * @param shape which objects there are: kinds and names, which decide what is created and so must be plain
 * @param known the same objects with the values that may come from other resources
 */
export function resourcesOf(
  prefix: string,
  shape: readonly ManifestObject[],
  known: (object: ManifestObject) => pulumi.Output<readonly ManifestObject[]>,
  parent: pulumi.Resource,
): readonly pulumi.CustomResource[] {
  const made: pulumi.CustomResource[] = [];
  for (const [index, object] of shape.entries()) {
    const Kind = KINDS[object.kind];
    if (Kind === undefined) throw new pulumi.RunError(`there is no Pulumi class for the kind ${object.kind}`);
    const values = known(object);
    const args = Object.fromEntries(
      Object.keys(object).map((field) => [field, values.apply((objects) => objects[index]?.[field])]),
    );
    const dependsOn = [...waitsFor(object, made)];
    made.push(new Kind(`${prefix}-${object.metadata.name}`, args as never, { parent, dependsOn }));
  }
  return made;
}
