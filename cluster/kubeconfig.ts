import { NODES_GROUP, nodeUser } from "../api/fleet.ts";

export interface NodeKubeconfigOptions {
  readonly nodeName: string;
  /** Address of the API server as the Mac reaches it: `https://10.0.0.1:6443`. */
  readonly server: string;
  /** PEM; undefined where a public authority has signed the server's certificate. */
  readonly certificateAuthority?: string | undefined;
  readonly namespace: string;
  /** A token itself, or the path of the file that has it; a relative one starts from the kubeconfig. */
  readonly token: { readonly value: string } | { readonly file: string };
}

/** The kubeconfig of a Mac's agent, as kubectl understands it too. It is a secret where the token is in it. */
export function nodeKubeconfig(options: NodeKubeconfigOptions): string {
  const { nodeName, server, certificateAuthority, namespace, token } = options;
  const name = "pulumi-llmkube";
  const cluster = {
    server,
    ...(certificateAuthority !== undefined && {
      "certificate-authority-data": Buffer.from(certificateAuthority).toString("base64"),
    }),
  };
  const user = {
    ...("value" in token ? { token: token.value } : { tokenFile: token.file }),
    as: nodeUser(nodeName),
    "as-groups": [NODES_GROUP],
  };
  const config = {
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name, cluster }],
    users: [{ name, user }],
    contexts: [{ name, context: { cluster: name, user: name, namespace } }],
    "current-context": name,
  };
  return `${JSON.stringify(config, null, 2)}\n`;
}
