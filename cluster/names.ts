import { SYSTEM_NAMESPACE } from "../api/fleet.ts";

/** Labels of what a person installs. Never `managed-by`: that one marks what the controller makes. */
export const OWN_LABELS = { "app.kubernetes.io/name": "pulumi-llmkube" } as const;

/** Name of the controller's Deployment, ServiceAccount and roles. */
export const CONTROLLER = "pulumi-llmkube-controller";

/** Name of the ClusterRole that each Mac's user is bound to. */
export const MAC_ROLE = "pulumi-llmkube-mac";

/** Names of the ValidatingAdmissionPolicies and of their bindings. */
export const POLICIES = {
  pods: "pulumi-llmkube-pods",
  workloads: "pulumi-llmkube-workloads",
} as const;

/** The user that the API server sees where a ServiceAccount asks. */
export function accountUser(name: string, namespace: string = SYSTEM_NAMESPACE): string {
  return `system:serviceaccount:${namespace}:${name}`;
}

/** The agent's environment variable that names the file to which launchd appends what it prints, for the agent to keep it small. */
export const OWN_LOG = "PULUMI_LLMKUBE_AGENT_LOG";
