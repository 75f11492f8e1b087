import type { ManifestObject } from "./manifest-object.ts";
import { OWN_LABELS } from "./names.ts";
import type { Rule } from "./rights.ts";

const GROUP = "rbac.authorization.k8s.io";
const API_VERSION = `${GROUP}/v1`;

type Subject =
  | { readonly kind: "ServiceAccount"; readonly name: string; readonly namespace: string }
  | { readonly kind: "User"; readonly apiGroup: typeof GROUP; readonly name: string };

export function serviceAccount(name: string, namespace: string): ManifestObject {
  return { apiVersion: "v1", kind: "ServiceAccount", metadata: { name, namespace, labels: OWN_LABELS } };
}

export function account(name: string, namespace: string): Subject {
  return { kind: "ServiceAccount", name, namespace };
}

export function user(name: string): Subject {
  return { kind: "User", apiGroup: GROUP, name };
}

export function clusterRole(name: string, rules: readonly Rule[]): ManifestObject {
  return { apiVersion: API_VERSION, kind: "ClusterRole", metadata: { name, labels: OWN_LABELS }, rules };
}

export function role(name: string, namespace: string, rules: readonly Rule[]): ManifestObject {
  return { apiVersion: API_VERSION, kind: "Role", metadata: { name, namespace, labels: OWN_LABELS }, rules };
}

export function clusterRoleBinding(name: string, clusterRoleName: string, subject: Subject): ManifestObject {
  return {
    apiVersion: API_VERSION,
    kind: "ClusterRoleBinding",
    metadata: { name, labels: OWN_LABELS },
    roleRef: { apiGroup: GROUP, kind: "ClusterRole", name: clusterRoleName },
    subjects: [subject],
  };
}

/** A Role of the same name, for an account of the same namespace. */
export function roleBinding(name: string, namespace: string, accountName: string): ManifestObject {
  return {
    apiVersion: API_VERSION,
    kind: "RoleBinding",
    metadata: { name, namespace, labels: OWN_LABELS },
    roleRef: { apiGroup: GROUP, kind: "Role", name },
    subjects: [account(accountName, namespace)],
  };
}
