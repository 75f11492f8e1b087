import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { NODES_GROUP, nodeAccount, nodeUser, SYSTEM_NAMESPACE } from "../../../api/fleet.ts";
import { controllerManifests, MAC_ROLE, nodeManifests } from "../../../cluster/index.ts";
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

/** The identity as it is shipped. The role of all Macs and the namespace come with the manifests of the controller, which need not be there. */
function macObjects(nodeName: string): readonly object[] {
  const shared = controllerManifests({ crds: false }).filter(
    ({ kind, metadata }) => kind === "Namespace" || (kind === "ClusterRole" && metadata.name === MAC_ROLE),
  );
  return [...shared, ...nodeManifests({ nodeName })];
}
