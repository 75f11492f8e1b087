import { readFile } from "node:fs/promises";
import { isIPv6 } from "node:net";
import { join } from "node:path";
import type { KubeResult } from "../client.ts";
import { failed, succeeded } from "../failure.ts";
import type { Access } from "./access.ts";

const FOLDER = "/var/run/secrets/kubernetes.io/serviceaccount";

/**
 * The access of a pod's ServiceAccount. The token is in a file that kubelet renews.
 *
 * @param env of this process
 */
export async function inClusterAccess(
  env: Readonly<Record<string, string | undefined>>,
  folder = FOLDER,
): Promise<KubeResult<Access>> {
  const host = env["KUBERNETES_SERVICE_HOST"];
  const port = env["KUBERNETES_SERVICE_PORT"];
  if (!host || !port) {
    return failed(
      "invalid",
      "no kubeconfig is given, and this process runs in no pod (KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set)",
    );
  }
  const namespace = await readFile(join(folder, "namespace"), "utf8").catch(() => undefined);
  return succeeded({
    server: `https://${isIPv6(host) ? `[${host}]` : host}:${port}`,
    namespace: namespace?.trim(),
    authority: { file: join(folder, "ca.crt") },
    insecure: false,
    serverName: undefined,
    proxy: undefined,
    tokenFile: join(folder, "token"),
    token: undefined,
    basic: undefined,
    certificate: undefined,
    key: undefined,
    exec: undefined,
    execFolder: folder,
    authProvider: undefined,
    impersonation: undefined,
  });
}
