import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { SYSTEM_NAMESPACE } from "../../api/fleet.ts";
import { openKubeAccess } from "../../kube/open-client.ts";
import type { Check } from "./check.ts";
import { diagnoseCluster } from "./cluster.ts";

export interface ClusterFlags {
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly namespace?: string;
}

/** Throws one sentence where there is no kubeconfig to ask with. */
export async function checkCluster(flags: ClusterFlags, stop: AbortSignal): Promise<readonly Check[]> {
  const { kubeconfig = ownKubeconfig(), context, namespace = SYSTEM_NAMESPACE } = flags;
  const access = await openKubeAccess({ kubeconfig, context });
  if (!access.ok) throw new Error(access.error);
  const client = access.value.client({ timeoutMs: 15_000 });
  try {
    return await diagnoseCluster({ client, impersonates: access.value.impersonates, namespace }, stop);
  } finally {
    await client.close();
  }
}

/** That of kubectl; of several the first. */
function ownKubeconfig(): string {
  return process.env["KUBECONFIG"]?.split(delimiter)[0] || join(homedir(), ".kube", "config");
}
