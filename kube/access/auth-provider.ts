import type { RequestOptions } from "node:https";
import type { KubeResult } from "../client.ts";
import { failed, succeeded } from "../failure.ts";
import type { AuthProvider } from "./access.ts";
import type { PluginCredentials } from "./exec-plugin.ts";
import { codeOf } from "./material.ts";

/** How long a token is used before the provider is asked again: the provider itself knows when it expires. */
const ASK_AGAIN_MS = 60_000;

/** client-node makes the header only, and never asks this. */
const CLUSTER = { name: "cluster", server: "https://cluster.invalid", skipTLSVerify: false };

/**
 * The token of an `auth-provider` (oidc, gcp, azure). It needs client-node, an optional peer dependency: 80 MB on disk and in memory, which
 * only those pay for who still have such a provider.
 */
export async function authProviderCredentials(
  provider: AuthProvider,
  now: number,
): Promise<KubeResult<PluginCredentials>> {
  try {
    const { KubeConfig } = await import("@kubernetes/client-node");
    const config = new KubeConfig();
    config.loadFromClusterAndUser(CLUSTER, { name: "user", authProvider: provider });
    const options: RequestOptions & { headers: Record<string, string> } = { headers: {} };
    await config.applyToHTTPSOptions(options);
    const token = /^Bearer (.+)$/.exec(options.headers["Authorization"] ?? "")?.[1];
    if (token !== undefined) return succeeded({ token, expiresAt: now + ASK_AGAIN_MS });
  } catch (error) {
    if (codeOf(error) === "ERR_MODULE_NOT_FOUND") {
      return failed(
        "unauthorized",
        `the auth-provider ${provider.name} of the kubeconfig needs a package: npm install @kubernetes/client-node beside pulumi-llmkube, or use an exec plugin`,
      );
    }
    // Its message may hold what an identity provider said, and that a secret.
  }
  return failed("unauthorized", `the auth-provider ${provider.name} of the kubeconfig gave no token`);
}
