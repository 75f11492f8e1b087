import type { RequestOptions } from "node:https";
import type { KubeResult } from "../client.ts";
import { failed, succeeded } from "../failure.ts";
import type { Access, AuthProvider } from "./access.ts";
import type { PluginCredentials } from "./exec-plugin.ts";

/** How long a token is used before the provider is asked again: the provider itself knows when it expires. */
const ASK_AGAIN_MS = 60_000;

/** The token of an `auth-provider` (oidc, gcp, azure). Loads client-node, which takes 80 MiB, for those who still have one. */
export async function authProviderCredentials(
  provider: AuthProvider,
  { server }: Access,
  now: number,
): Promise<KubeResult<PluginCredentials>> {
  try {
    const { KubeConfig } = await import("@kubernetes/client-node");
    const config = new KubeConfig();
    config.loadFromClusterAndUser(
      { name: "cluster", server, skipTLSVerify: false },
      { name: "user", authProvider: provider },
    );
    const options: RequestOptions & { headers: Record<string, string> } = { headers: {} };
    await config.applyToHTTPSOptions(options);
    const token = /^Bearer (.+)$/.exec(options.headers["Authorization"] ?? "")?.[1];
    if (token !== undefined) return succeeded({ token, expiresAt: now + ASK_AGAIN_MS });
  } catch {
    // Its message may hold what an identity provider said, and that a secret.
  }
  return failed("unauthorized", `the auth-provider ${provider.name} of the kubeconfig gave no token`);
}
