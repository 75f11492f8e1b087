export type FileOrData = { readonly file: string } | { readonly data: Buffer };

/** As whom requests are made, beyond the identity that they are authenticated with. */
export interface Impersonation {
  readonly user: string;
  readonly uid?: string | undefined;
  readonly groups: readonly string[];
  readonly extra: Readonly<Record<string, readonly string[]>>;
}

/** Where an API server is, and who asks it: what a context of a kubeconfig says. Paths are absolute. */
export interface Access {
  /** Without a slash at its end. It may have a path. */
  readonly server: string;
  readonly namespace: string | undefined;
  readonly authority: FileOrData | undefined;
  readonly insecure: boolean;
  readonly serverName: string | undefined;
  readonly proxy: string | undefined;
  /** Wins over `token`. */
  readonly tokenFile: string | undefined;
  readonly token: string | undefined;
  readonly basic: { readonly username: string; readonly password: string } | undefined;
  readonly certificate: FileOrData | undefined;
  readonly key: FileOrData | undefined;
  readonly exec: ExecConfig | undefined;
  /** Commands with a relative path start from here. */
  readonly execFolder: string;
  readonly authProvider: AuthProvider | undefined;
  readonly impersonation: Impersonation | undefined;
}

/** A credential plugin, as the kubeconfig has it. */
export interface ExecConfig {
  readonly apiVersion: string;
  readonly command: string;
  readonly args?: readonly string[] | null | undefined;
  readonly env?: readonly { readonly name: string; readonly value: string }[] | null | undefined;
  readonly provideClusterInfo?: boolean | undefined;
}

export interface AuthProvider {
  readonly name: string;
  readonly config?: Readonly<Record<string, unknown>> | null | undefined;
}

/**
 * Headers of an impersonation. A header may be there more than once: one for each group, and for each value of an extra field. The name of
 * an extra field is percent-encoded where HTTP does not allow its characters in a name.
 */
export function impersonationHeaders(as: Impersonation | undefined): Readonly<Record<string, string | string[]>> {
  if (as === undefined) return {};
  const extra = Object.entries(as.extra).map(([key, values]) => [`impersonate-extra-${encodedKey(key)}`, [...values]]);
  return {
    "impersonate-user": as.user,
    ...(as.uid !== undefined && { "impersonate-uid": as.uid }),
    ...(as.groups.length > 0 && { "impersonate-group": [...as.groups] }),
    ...Object.fromEntries(extra),
  };
}

function encodedKey(key: string): string {
  return [...Buffer.from(key)]
    .map((byte) => String.fromCharCode(byte))
    .map((char) =>
      /[!#$&'*+.^_`|~0-9A-Za-z-]/.test(char) ? char : `%${char.charCodeAt(0).toString(16).padStart(2, "0")}`,
    )
    .join("");
}
