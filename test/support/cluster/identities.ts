import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { NODES_GROUP, nodeAccount, nodeUser, SYSTEM_NAMESPACE } from "../../../api/fleet.ts";
import type { ControlPlane } from "../control-plane.ts";
import { writeKubeconfig } from "./kubeconfig.ts";
import type { Kubectl } from "./kubectl.ts";

export interface IdentityOptions {
  /** Where the API server is asked for: a proxy in front of it; default: the API server itself. */
  readonly server?: string;
  /** Seconds that the token is valid, at least 600; default: an hour. */
  readonly seconds?: number;
}

/** Paths of kubeconfigs with just the rights of a component. */
export interface Identities {
  /** A ServiceAccount that exists, with a token of the API server. */
  asServiceAccount: (namespace: string, name: string, options?: IdentityOptions) => Promise<string>;
  /** The agent of a Mac: its ServiceAccount and rights are made where they are not there. */
  asMac: (nodeName: string, options?: IdentityOptions) => Promise<string>;
}

export function identitiesOf(plane: ControlPlane, kubectl: Kubectl): Identities {
  const write = async (
    namespace: string,
    name: string,
    { server = plane.server, seconds = 3600 }: IdentityOptions,
    impersonate?: { user: string; groups: readonly string[] },
  ) => {
    const token = await kubectl(["create", "token", name, "-n", namespace, `--duration=${seconds}s`]);
    const path = join(plane.folder, `${namespace}-${name}-${randomUUID()}.kubeconfig`);
    const ca = await readFile(plane.caFile, "utf8");
    return writeKubeconfig(path, { server, ca, token, ...(impersonate && { impersonate }) });
  };
  return {
    asServiceAccount: (namespace, name, options = {}) => write(namespace, name, options),
    asMac: async (nodeName, options = {}) => {
      await kubectl(["apply", "--server-side", "-f", "-"], { input: macObjects(nodeName) });
      const impersonate = { user: nodeUser(nodeName), groups: [NODES_GROUP] };
      return write(SYSTEM_NAMESPACE, nodeAccount(nodeName), options, impersonate);
    },
  };
}

const RBAC = "rbac.authorization.k8s.io";

function macObjects(nodeName: string): readonly object[] {
  const account = nodeAccount(nodeName);
  const rbac = (kind: string, name: string, content: object) => ({
    apiVersion: `${RBAC}/v1`,
    kind,
    metadata: { name },
    ...content,
  });
  const impersonation = `pulumi-llmkube:${account}`;
  return [
    { apiVersion: "v1", kind: "Namespace", metadata: { name: SYSTEM_NAMESPACE } },
    { apiVersion: "v1", kind: "ServiceAccount", metadata: { name: account, namespace: SYSTEM_NAMESPACE } },
    rbac("ClusterRole", impersonation, {
      rules: [
        { apiGroups: [""], resources: ["users"], verbs: ["impersonate"], resourceNames: [nodeUser(nodeName)] },
        { apiGroups: [""], resources: ["groups"], verbs: ["impersonate"], resourceNames: [NODES_GROUP] },
      ],
    }),
    rbac("ClusterRoleBinding", impersonation, {
      roleRef: { apiGroup: RBAC, kind: "ClusterRole", name: impersonation },
      subjects: [{ kind: "ServiceAccount", name: account, namespace: SYSTEM_NAMESPACE }],
    }),
    rbac("ClusterRole", "pulumi-llmkube:mac", {
      rules: [
        {
          apiGroups: ["inference.llmkube.dev"],
          resources: ["models", "inferenceservices"],
          verbs: ["get", "list", "watch"],
        },
      ],
    }),
    rbac("ClusterRoleBinding", `pulumi-llmkube:mac:${nodeName}`, {
      roleRef: { apiGroup: RBAC, kind: "ClusterRole", name: "pulumi-llmkube:mac" },
      subjects: [{ apiGroup: RBAC, kind: "User", name: nodeUser(nodeName) }],
    }),
  ];
}
