import { execFile } from "node:child_process";
import { isAbsolute, join, sep } from "node:path";
import { z } from "zod";
import type { KubeResult } from "../client.ts";
import { failed, succeeded } from "../failure.ts";
import type { Access, ExecConfig } from "./access.ts";

/** What a plugin gives. Holds secrets. */
export interface PluginCredentials {
  readonly token?: string | undefined;
  readonly certificate?: string | undefined;
  readonly key?: string | undefined;
  /** Milliseconds since 1970; undefined: until the server refuses it. */
  readonly expiresAt?: number | undefined;
}

/** A plugin that asks a person, or hangs, is ended after this. */
const PLUGIN_TIMEOUT_MS = 60_000;
const LARGEST_ANSWER_BYTES = 2 ** 20;

const answer = z.object({
  kind: z.literal("ExecCredential"),
  apiVersion: z.string(),
  status: z.object({
    token: z.string().min(1).optional(),
    clientCertificateData: z.string().min(1).optional(),
    clientKeyData: z.string().min(1).optional(),
    expirationTimestamp: z.iso.datetime({ offset: true }).optional(),
  }),
});

/**
 * Runs a credential plugin of client.authentication.k8s.io (v1 and v1beta1): its answer comes on stdout. It has no terminal. What it says on
 * stderr is not repeated, because nobody knows what it writes there.
 */
export async function runExecPlugin(plugin: ExecConfig, access: Access): Promise<KubeResult<PluginCredentials>> {
  const name = `the credential plugin ${plugin.command}`;
  const output = await outputOf(plugin, access);
  if (!output.ok) return failed("unauthorized", `${name} ${output.error}`);
  const read = answer.safeParse(jsonOf(output.value));
  if (!read.success) return failed("unauthorized", `${name} gave no ExecCredential`);
  const { status, apiVersion } = read.data;
  if (apiVersion !== plugin.apiVersion) {
    return failed("unauthorized", `${name} answered in ${apiVersion}; the kubeconfig asks for ${plugin.apiVersion}`);
  }
  if (
    status.token === undefined &&
    (status.clientCertificateData === undefined || status.clientKeyData === undefined)
  ) {
    return failed("unauthorized", `${name} gave neither a token nor a client certificate with its key`);
  }
  const { expirationTimestamp } = status;
  return succeeded({
    token: status.token,
    certificate: status.clientCertificateData,
    key: status.clientKeyData,
    expiresAt: expirationTimestamp === undefined ? undefined : Date.parse(expirationTimestamp),
  });
}

function outputOf(plugin: ExecConfig, access: Access): Promise<KubeResult<string>> {
  const env = {
    ...process.env,
    ...Object.fromEntries((plugin.env ?? []).map(({ name, value }) => [name, value])),
    KUBERNETES_EXEC_INFO: JSON.stringify(execInfo(plugin, access)),
  };
  const options = { env, timeout: PLUGIN_TIMEOUT_MS, maxBuffer: LARGEST_ANSWER_BYTES, encoding: "utf8" } as const;
  const { promise, resolve } = Promise.withResolvers<KubeResult<string>>();
  const child = execFile(commandOf(plugin, access), [...(plugin.args ?? [])], options, (error, stdout) => {
    if (error === null) resolve(succeeded(stdout));
    else resolve(failed("unauthorized", endOf(error)));
  });
  child.stdin?.end();
  return promise;
}

function endOf(error: Error & { code?: string | number | null | undefined; killed?: boolean | undefined }): string {
  if (error.killed) return `did not answer within ${PLUGIN_TIMEOUT_MS / 1000} s`;
  if (error.code === "ENOENT") return "is not installed";
  return typeof error.code === "number" ? `ended with code ${error.code}` : `cannot be run (${error.code ?? "killed"})`;
}

/** A bare name is looked for in PATH; another relative path starts from the kubeconfig. */
function commandOf({ command }: ExecConfig, { execFolder }: Access): string {
  return isAbsolute(command) || !command.includes(sep) ? command : join(execFolder, command);
}

function execInfo(plugin: ExecConfig, access: Access) {
  const { server, authority, insecure, serverName, proxy } = access;
  const cluster = {
    server,
    ...(serverName !== undefined && { "tls-server-name": serverName }),
    ...(insecure && { "insecure-skip-tls-verify": true }),
    ...(authority !== undefined &&
      "data" in authority && { "certificate-authority-data": authority.data.toString("base64") }),
    ...(proxy !== undefined && { "proxy-url": proxy }),
  };
  const spec = { interactive: false, ...(plugin.provideClusterInfo && { cluster }) };
  return { apiVersion: plugin.apiVersion, kind: "ExecCredential", spec };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
