import { createHash, X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { KubeResult } from "../client.ts";
import { failed, succeeded } from "../failure.ts";
import { type Access, type FileOrData, impersonationHeaders } from "./access.ts";
import type { PluginCredentials } from "./exec-plugin.ts";

/** What a connection and its requests are made of. Holds secrets: it is never logged. */
export interface Material {
  readonly server: string;
  readonly tls: Tls;
  readonly proxy: string | undefined;
  readonly authorization: string | undefined;
  readonly impersonation: Readonly<Record<string, string | string[]>>;
  /** The same for two materials that may share connections. */
  readonly connectionKey: string;
}

export interface Tls {
  readonly ca?: Buffer;
  readonly cert?: Buffer | string;
  readonly key?: Buffer | string;
  readonly servername?: string;
  readonly rejectUnauthorized?: false;
}

/**
 * Reads the files that an access names.
 *
 * @param plugin what the access' exec plugin or auth provider gave, if it has one
 * @param now milliseconds since 1970, for a certificate that has expired
 */
export async function materialOf(
  access: Access,
  plugin: PluginCredentials | undefined,
  now: number,
): Promise<KubeResult<Material>> {
  const authority = await contentOf(access.authority, "certificate authority");
  if (!authority.ok) return authority;
  const certificate = await contentOf(access.certificate, "client certificate");
  if (!certificate.ok) return certificate;
  const key = await contentOf(access.key, "client key");
  if (!key.ok) return key;
  const cert = plugin?.certificate ?? certificate.value;
  const expired = cert === undefined ? undefined : expiryProblem(cert, access.certificate, now);
  if (expired !== undefined) return failed("unauthorized", expired);
  const token = await tokenOf(access, plugin);
  if (!token.ok) return token;
  const tls: Tls = {
    ...(authority.value !== undefined && { ca: authority.value }),
    ...(cert !== undefined && { cert }),
    ...((plugin?.key ?? key.value) !== undefined && { key: plugin?.key ?? key.value }),
    ...(access.serverName !== undefined && { servername: access.serverName }),
    ...(access.insecure && { rejectUnauthorized: false }),
  } as Tls;
  return succeeded({
    server: access.server,
    tls,
    proxy: access.proxy,
    authorization: authorizationOf(token.value, access),
    impersonation: impersonationHeaders(access.impersonation),
    connectionKey: digest([access.server, access.proxy, tls]),
  });
}

function authorizationOf(token: string | undefined, { basic }: Access): string | undefined {
  if (token !== undefined) return `Bearer ${token}`;
  if (basic === undefined) return undefined;
  return `Basic ${Buffer.from(`${basic.username}:${basic.password}`).toString("base64")}`;
}

/** A token file wins over a token, as in kubectl. */
async function tokenOf(access: Access, plugin: PluginCredentials | undefined): Promise<KubeResult<string | undefined>> {
  if (access.tokenFile === undefined) return succeeded(access.token ?? plugin?.token);
  const read = await contentOf({ file: access.tokenFile }, "token");
  if (!read.ok) return read;
  const token = read.value?.toString("utf8").trim() ?? "";
  if (/^[\x21-\x7e]+$/.test(token)) return succeeded(token);
  return failed("unauthorized", `${access.tokenFile}: it holds no token`);
}

async function contentOf(from: FileOrData | undefined, what: string): Promise<KubeResult<Buffer | undefined>> {
  if (from === undefined) return succeeded(undefined);
  if ("data" in from) return succeeded(from.data);
  try {
    return succeeded(await readFile(from.file));
  } catch (error) {
    return failed("unauthorized", `${from.file}: the ${what} cannot be read (${codeOf(error)})`);
  }
}

function expiryProblem(cert: Buffer | string, from: FileOrData | undefined, now: number): string | undefined {
  const where = from !== undefined && "file" in from ? from.file : "of the kubeconfig";
  try {
    const until = new X509Certificate(cert).validToDate;
    return until.getTime() < now ? `the client certificate ${where} expired at ${until.toISOString()}` : undefined;
  } catch {
    return `the client certificate ${where} is not a PEM certificate`;
  }
}

export function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "unknown error";
}

function digest(parts: unknown): string {
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex");
}
