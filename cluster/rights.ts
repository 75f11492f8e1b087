import { GROUP } from "../api/constants.ts";
import { NODES_GROUP, nodeUser } from "../api/fleet.ts";

/** A rule of a Role or ClusterRole. */
export interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
  readonly resourceNames?: readonly string[];
}

const READ = ["get", "list", "watch"] as const;
/** Server-side apply is `patch`, and `create` where there is nothing yet. */
const OWN = [...READ, "create", "patch", "delete"] as const;

/**
 * What the controller may do in all namespaces. Of Secrets it may create only: it can read none, not even its own, and `patch` would answer
 * with what is in one.
 */
export const CONTROLLER_RULES: readonly Rule[] = [
  { apiGroups: [GROUP], resources: ["models", "inferenceservices"], verbs: READ },
  { apiGroups: [GROUP], resources: ["models/status", "inferenceservices/status"], verbs: ["get", "patch", "update"] },
  // Asked for by the admission plugin OwnerReferencesPermissionEnforcement where an owner blocks its own deletion.
  { apiGroups: [GROUP], resources: ["inferenceservices/finalizers"], verbs: ["update"] },
  { apiGroups: ["apps"], resources: ["deployments"], verbs: OWN },
  { apiGroups: [""], resources: ["services"], verbs: OWN },
  { apiGroups: ["policy"], resources: ["poddisruptionbudgets"], verbs: OWN },
  { apiGroups: [""], resources: ["secrets"], verbs: ["create"] },
  { apiGroups: [""], resources: ["pods"], verbs: READ },
  { apiGroups: [""], resources: ["nodes"], verbs: READ },
  { apiGroups: ["", "events.k8s.io"], resources: ["events"], verbs: ["create", "patch"] },
];

/** What the controller may do in its own namespace: elect a leader. A Lease that does not exist yet has no name to be held to. */
export function leaseRules(name: string): readonly Rule[] {
  const group = { apiGroups: ["coordination.k8s.io"], resources: ["leases"] };
  return [
    { ...group, verbs: ["create"] },
    { ...group, verbs: ["get", "update", "patch"], resourceNames: [name] },
  ];
}

/** What a Mac's user may do beyond what the Node authorizer gives it. */
export const MAC_RULES: readonly Rule[] = [
  { apiGroups: [GROUP], resources: ["models", "inferenceservices"], verbs: READ },
];

/** All that a Mac's ServiceAccount may do in the cluster: be the user of its node. */
export function impersonationRules(nodeName: string): readonly Rule[] {
  return [
    { apiGroups: [""], resources: ["users"], verbs: ["impersonate"], resourceNames: [nodeUser(nodeName)] },
    { apiGroups: [""], resources: ["groups"], verbs: ["impersonate"], resourceNames: [NODES_GROUP] },
  ];
}

/** The one thing that it may do as itself: ask for its next token. */
export function tokenRules(account: string): readonly Rule[] {
  return [{ apiGroups: [""], resources: ["serviceaccounts/token"], verbs: ["create"], resourceNames: [account] }];
}
