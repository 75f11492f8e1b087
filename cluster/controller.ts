import { SYSTEM_NAMESPACE } from "../api/fleet.ts";
import { admissionPolicies } from "./admission.ts";
import { crds } from "./crds.ts";
import { controllerDeployment } from "./deployment.ts";
import type { ManifestObject } from "./manifest-object.ts";
import { CONTROLLER, MAC_ROLE, OWN_LABELS } from "./names.ts";
import { priorityClasses } from "./priority-classes.ts";
import { account, clusterRole, clusterRoleBinding, role, roleBinding, serviceAccount } from "./rbac.ts";
import { CONTROLLER_RULES, leaseRules, MAC_RULES } from "./rights.ts";

export interface ControllerOptions {
  /** Of the controller, and of the identities of the Macs; default: {@link SYSTEM_NAMESPACE}. */
  readonly namespace?: string | undefined;
  /** Image of the controller; without it there is no Deployment, and the controller runs elsewhere, with a token of its ServiceAccount. */
  readonly image?: string | undefined;
  /** Number of controllers, of which one works and the others wait to take over; default: 1. */
  readonly replicas?: number | undefined;
  /** Whether the CustomResourceDefinitions are among them; default: true. Not where LLMKube has installed its own. */
  readonly crds?: boolean | undefined;
}

/** All that a cluster needs before the first Mac joins, in an order in which it can be created. */
export function controllerManifests(options: ControllerOptions = {}): readonly ManifestObject[] {
  const { namespace = SYSTEM_NAMESPACE, image, replicas = 1 } = options;
  return [
    { apiVersion: "v1", kind: "Namespace", metadata: { name: namespace, labels: OWN_LABELS } },
    ...(options.crds === false ? [] : crds()),
    ...priorityClasses(),
    ...admissionPolicies(namespace),
    serviceAccount(CONTROLLER, namespace),
    clusterRole(CONTROLLER, CONTROLLER_RULES),
    clusterRoleBinding(CONTROLLER, CONTROLLER, account(CONTROLLER, namespace)),
    role(CONTROLLER, namespace, leaseRules(CONTROLLER)),
    roleBinding(CONTROLLER, namespace, CONTROLLER),
    clusterRole(MAC_ROLE, MAC_RULES),
    ...(image === undefined ? [] : [controllerDeployment({ namespace, image, replicas })]),
  ];
}
