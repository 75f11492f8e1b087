import { dirname, isAbsolute, join } from "node:path";
import { parseDocument } from "yaml";
import { z } from "zod";
import { failed, type KubeResult } from "../failure.ts";
import type { Access, FileOrData } from "./access.ts";

const text = z.string().min(1);
const names = z.array(z.string());

const cluster = z.object({
  server: z.url({ protocol: /^https?$/ }),
  "certificate-authority": text.optional(),
  "certificate-authority-data": text.optional(),
  "insecure-skip-tls-verify": z.boolean().optional(),
  "tls-server-name": text.optional(),
  "proxy-url": z.url({ protocol: /^https?$/ }).optional(),
});

const exec = z.object({
  apiVersion: text,
  command: text,
  args: z.array(z.string()).nullish(),
  env: z.array(z.object({ name: text, value: z.string() })).nullish(),
  provideClusterInfo: z.boolean().optional(),
});

const user = z.object({
  token: text.optional(),
  tokenFile: text.optional(),
  username: text.optional(),
  password: z.string().optional(),
  "client-certificate": text.optional(),
  "client-certificate-data": text.optional(),
  "client-key": text.optional(),
  "client-key-data": text.optional(),
  as: text.optional(),
  "as-uid": text.optional(),
  "as-groups": names.nullish(),
  "as-user-extra": z.record(z.string(), names).nullish(),
  exec: exec.nullish(),
  "auth-provider": z.object({ name: text, config: z.record(z.string(), z.unknown()).nullish() }).nullish(),
});

const context = z.object({ cluster: text, user: z.string().optional(), namespace: text.optional() });

const kubeconfig = z.object({
  clusters: z.array(z.object({ name: z.string(), cluster: z.unknown() })).nullish(),
  users: z.array(z.object({ name: z.string(), user: z.unknown() })).nullish(),
  contexts: z.array(z.object({ name: z.string(), context: z.unknown() })).nullish(),
  "current-context": z.string().nullish(),
});

type Cluster = z.infer<typeof cluster>;
type User = z.infer<typeof user>;

/**
 * The access that one context of a kubeconfig gives. Paths in it are taken from the file's folder, as kubectl does. Only the context that is
 * used has to be sound. No message has a value of the file in it but names, so none has a secret.
 *
 * @param path where the text came from
 * @param contextName default: the file's `current-context`
 */
export function readKubeconfig(source: string, path: string, contextName?: string): KubeResult<Access> {
  const document = parseDocument(source);
  const [problem] = document.errors;
  if (problem !== undefined) {
    const line = problem.linePos?.[0].line;
    return failed("invalid", `kubeconfig ${path}: it is not YAML${line === undefined ? "" : ` (line ${line})`}`);
  }
  const file = parsed(kubeconfig, document.toJS(), `kubeconfig ${path}`);
  if (!file.ok) return file;
  const name = contextName ?? file.value["current-context"] ?? "";
  if (name === "") return failed("invalid", `kubeconfig ${path}: it has no current-context, and no context was named`);
  const where = (kind: string, of: string) => `kubeconfig ${path}: ${kind} "${of}"`;
  const chosen = file.value.contexts?.find((entry) => entry.name === name);
  if (chosen === undefined) return failed("invalid", `${where("context", name)} does not exist in it`);
  const its = parsed(context, chosen.context, where("context", name));
  if (!its.ok) return its;
  const clusterEntry = file.value.clusters?.find((entry) => entry.name === its.value.cluster);
  if (clusterEntry === undefined) {
    return failed(
      "invalid",
      `${where("context", name)} names the cluster "${its.value.cluster}", which does not exist in it`,
    );
  }
  const to = parsed(cluster, clusterEntry.cluster, where("cluster", clusterEntry.name));
  if (!to.ok) return to;
  const userName = its.value.user ?? "";
  const userEntry = file.value.users?.find((entry) => entry.name === userName);
  if (userEntry === undefined && userName !== "") {
    return failed("invalid", `${where("context", name)} names the user "${userName}", which does not exist in it`);
  }
  const as = parsed(user, userEntry?.user ?? {}, where("user", userName));
  if (!as.ok) return as;
  return { ok: true, value: accessOf(to.value, as.value, its.value.namespace, path) };
}

function accessOf(to: Cluster, as: User, namespace: string | undefined, path: string): Access {
  const file = (name: string | undefined) =>
    name === undefined || isAbsolute(name) ? name : join(dirname(path), name);
  const fileOrData = (field: "client-certificate" | "client-key"): FileOrData | undefined =>
    either(file(as[field]), as[`${field}-data`]);
  return {
    server: to.server.replace(/\/+$/, ""),
    namespace,
    authority: either(file(to["certificate-authority"]), to["certificate-authority-data"]),
    insecure: to["insecure-skip-tls-verify"] ?? false,
    serverName: to["tls-server-name"],
    proxy: to["proxy-url"],
    tokenFile: file(as.tokenFile),
    token: as.token,
    basic: as.username === undefined ? undefined : { username: as.username, password: as.password ?? "" },
    certificate: fileOrData("client-certificate"),
    key: fileOrData("client-key"),
    exec: as.exec ?? undefined,
    execFolder: dirname(path),
    authProvider: as["auth-provider"] ?? undefined,
    impersonation:
      as.as === undefined
        ? undefined
        : { user: as.as, uid: as["as-uid"], groups: as["as-groups"] ?? [], extra: as["as-user-extra"] ?? {} },
  };
}

/** Data wins over a file, as in kubectl. */
function either(file: string | undefined, data: string | undefined): FileOrData | undefined {
  if (data !== undefined) return { data: Buffer.from(data, "base64") };
  return file === undefined ? undefined : { file };
}

function parsed<T>(schema: z.ZodType<T>, value: unknown, where: string): KubeResult<T> {
  const result = schema.safeParse(value);
  if (result.success) return { ok: true, value: result.data };
  const [issue] = result.error.issues;
  const field = issue?.path.join(".") ?? "";
  return failed(
    "invalid",
    `${where}: ${field === "" ? "it" : field} is not as expected: ${issue?.message ?? "unknown"}`,
  );
}
