import { nodeAccount, nodeUser, SYSTEM_NAMESPACE } from "../api/fleet.ts";
import type { ManifestObject } from "./manifest-object.ts";
import { MAC_ROLE } from "./names.ts";
import { account, clusterRole, clusterRoleBinding, role, roleBinding, serviceAccount, user } from "./rbac.ts";
import { impersonationRules, tokenRules } from "./rights.ts";

export interface NodeOptions {
  /** Name of the Mac's Node: a DNS name in lower case of at most 63 characters ({@link nodeNameProblem}). */
  readonly nodeName: string;
  /** That of the controller; default: {@link SYSTEM_NAMESPACE}. */
  readonly namespace?: string | undefined;
}

/**
 * The identity of one Mac: a ServiceAccount that may impersonate the user of its Node and ask for its own next token, and nothing else;
 * and what that user may read. The shared ClusterRole comes with {@link controllerManifests}.
 */
export function nodeManifests({ nodeName, namespace = SYSTEM_NAMESPACE }: NodeOptions): readonly ManifestObject[] {
  const name = nodeAccount(nodeName);
  const inCluster = `pulumi-llmkube-${name}`;
  return [
    serviceAccount(name, namespace),
    clusterRole(inCluster, impersonationRules(nodeName)),
    clusterRoleBinding(inCluster, inCluster, account(name, namespace)),
    role(name, namespace, tokenRules(name)),
    roleBinding(name, namespace, name),
    clusterRoleBinding(`${inCluster}-reads`, MAC_ROLE, user(nodeUser(nodeName))),
  ];
}

export const LONGEST_NODE_NAME = 63;
export const NODE_NAME = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

/** Why a text is no name for a Node, as one clause; undefined if it is one. Its label `kubernetes.io/hostname` bounds its length. */
export function nodeNameProblem(name: string): string | undefined {
  if (NODE_NAME.test(name) && name.length <= LONGEST_NODE_NAME) return undefined;
  return `${JSON.stringify(name.slice(0, 80))} is no name for a node: it must be lower case letters, digits, - and ., start and end with a letter or digit, and have at most ${LONGEST_NODE_NAME} characters`;
}
