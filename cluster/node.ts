import { nodeAccount, nodeUser, SYSTEM_NAMESPACE } from "../api/fleet.ts";
import type { ManifestObject } from "./manifest-object.ts";
import { MAC_ROLE } from "./names.ts";
import { account, clusterRole, clusterRoleBinding, role, roleBinding, serviceAccount, user } from "./rbac.ts";
import { impersonationRules, tokenRules } from "./rights.ts";

export interface NodeOptions {
  /** Name of the Mac's Node: a DNS name in lower case of at most 63 characters (`api/node-name.ts`). */
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
