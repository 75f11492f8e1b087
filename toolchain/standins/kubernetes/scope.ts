import { isProperties, type Properties, type Value } from "../values.ts";

/** The built-in kinds that live outside namespaces, by API group ("" is the core group). */
const CLUSTER_SCOPED: Readonly<Record<string, readonly string[]>> = {
  "": ["Namespace", "Node", "PersistentVolume", "ComponentStatus"],
  "admissionregistration.k8s.io": [
    "MutatingAdmissionPolicy",
    "MutatingAdmissionPolicyBinding",
    "MutatingWebhookConfiguration",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
    "ValidatingWebhookConfiguration",
  ],
  "apiextensions.k8s.io": ["CustomResourceDefinition"],
  "apiregistration.k8s.io": ["APIService"],
  "certificates.k8s.io": ["CertificateSigningRequest", "ClusterTrustBundle"],
  "flowcontrol.apiserver.k8s.io": ["FlowSchema", "PriorityLevelConfiguration"],
  "networking.k8s.io": ["IngressClass", "IPAddress", "ServiceCIDR"],
  "node.k8s.io": ["RuntimeClass"],
  "rbac.authorization.k8s.io": ["ClusterRole", "ClusterRoleBinding"],
  "resource.k8s.io": ["DeviceClass", "ResourceSlice"],
  "scheduling.k8s.io": ["PriorityClass"],
  "storage.k8s.io": ["CSIDriver", "CSINode", "StorageClass", "VolumeAttachment", "VolumeAttributesClass"],
};

export function groupOf(apiVersion: string): string {
  const [group = "", version] = apiVersion.split("/");
  return version === undefined || group === "core" ? "" : group;
}

const text = (value: Value | undefined): string => (typeof value === "string" ? value : "");

/** `group/Kind` of what a CustomResourceDefinition (plain inputs) defines, when it defines a cluster-scoped kind. */
export function clusterScopedByDefinition(inputs: Properties): string | undefined {
  const spec = inputs["kind"] === "CustomResourceDefinition" ? inputs["spec"] : undefined;
  if (!isProperties(spec) || spec["scope"] !== "Cluster" || !isProperties(spec["names"])) return undefined;
  return `${text(spec["group"])}/${text(spec["names"]["kind"])}`;
}

/** An unknown kind counts as namespaced, as with the official provider when it has no cluster. */
export function isNamespaced(apiVersion: string, kind: string, clusterScopedCustom: ReadonlySet<string>): boolean {
  const group = groupOf(apiVersion);
  return !CLUSTER_SCOPED[group]?.includes(kind) && !clusterScopedCustom.has(`${group}/${kind}`);
}
