import { writeFile } from "node:fs/promises";

/** What a kubeconfig of one cluster and one user is made of. */
export interface KubeconfigParts {
  readonly server: string;
  /** PEM. */
  readonly ca: string;
  readonly token: string;
  /** The user whose rights are asked for, by kubeconfig's own fields `as` and `as-groups`. */
  readonly impersonate?: { readonly user: string; readonly groups: readonly string[] };
}

/** Writes a kubeconfig that only this user may read, as an installer would. */
export async function writeKubeconfig(path: string, parts: KubeconfigParts): Promise<string> {
  const name = "control-plane";
  const { server, ca, token, impersonate } = parts;
  const as = impersonate === undefined ? {} : { as: impersonate.user, "as-groups": impersonate.groups };
  const text = JSON.stringify({
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name, cluster: { server, "certificate-authority-data": Buffer.from(ca).toString("base64") } }],
    users: [{ name, user: { token, ...as } }],
    contexts: [{ name, context: { cluster: name, user: name } }],
    "current-context": name,
  });
  await writeFile(path, text, { mode: 0o600 });
  return path;
}
