import { readFile } from "node:fs/promises";
import type { Access } from "./access/access.ts";
import { type Credentials, credentials } from "./access/credentials.ts";
import { inClusterAccess } from "./access/in-cluster.ts";
import { readKubeconfig } from "./access/kubeconfig.ts";
import { codeOf } from "./access/material.ts";
import type { KubeClient, KubeResult } from "./client.ts";
import { type Clock, systemClock } from "./clock.ts";
import { failed, succeeded } from "./failure.ts";
import { type ClientLimits, clientOf } from "./http/client-of.ts";
import { session } from "./http/session.ts";

export interface AccessOptions {
  /** Path of a kubeconfig; default: the ServiceAccount of the pod that this process runs in. */
  readonly kubeconfig?: string | undefined;
  /** Default: the kubeconfig's `current-context`. */
  readonly context?: string | undefined;
  /** Name of the program in the API server's log; default: `pulumi-llmkube`. */
  readonly userAgent?: string;
  readonly clock?: Clock;
}

/** One identity on one cluster. Its clients share credentials, and no connections. */
export interface KubeAccess {
  /** For messages. */
  readonly server: string;
  /** Namespace of the context, or of the pod. */
  readonly namespace: string | undefined;
  /** The user that requests are made as, where the kubeconfig says `as`. */
  readonly impersonates: string | undefined;
  /** A client with connections of its own. */
  client(limits?: Partial<ClientLimits>): KubeClient;
  /** As {@link client}, as the identity itself: what the kubeconfig says of `as` is left out. */
  clientAsItself(limits?: Partial<ClientLimits>): KubeClient;
  /** Takes the place of the token that was read, for all clients, until the file that it came from says something else. */
  replaceToken(token: string): void;
}

/** 500 objects of 100 KB, and more. A page that has larger ones is asked for again with fewer. */
const DEFAULT_LIMITS: ClientLimits = { timeoutMs: 30_000, largestBytes: 64 * 2 ** 20 };

/**
 * Reads who to be and where the API server is. Makes no request: a cluster that is away shows in the first one. Files are looked at again
 * as the client is used, so credentials may change on disk at any time.
 */
export async function openKubeAccess(options: AccessOptions = {}): Promise<KubeResult<KubeAccess>> {
  const { clock = systemClock, userAgent = "pulumi-llmkube" } = options;
  const read = () => readAccess(options);
  const first = await read();
  if (!first.ok) return first;
  const shared = credentials(first.value, read, clock);
  const sound = await shared.current();
  if (!sound.ok) return sound;
  const open = (as: Credentials, limits: Partial<ClientLimits> | undefined) =>
    clientOf(session(as, userAgent), { ...DEFAULT_LIMITS, ...limits });
  return succeeded({
    server: first.value.server,
    namespace: first.value.namespace,
    impersonates: first.value.impersonation?.user,
    client: (limits) => open(shared, limits),
    clientAsItself: (limits) => open(asItself(shared), limits),
    replaceToken: (token) => shared.replaceToken(token),
  });
}

/** One client of {@link openKubeAccess}. */
export async function openKubeClient(
  options: AccessOptions & Partial<ClientLimits> = {},
): Promise<KubeResult<KubeClient>> {
  const access = await openKubeAccess(options);
  const { timeoutMs, largestBytes } = { ...DEFAULT_LIMITS, ...options };
  return access.ok ? succeeded(access.value.client({ timeoutMs, largestBytes })) : access;
}

async function readAccess({ kubeconfig, context }: AccessOptions): Promise<KubeResult<Access>> {
  if (kubeconfig === undefined) return await inClusterAccess(process.env);
  try {
    return readKubeconfig(await readFile(kubeconfig, "utf8"), kubeconfig, context);
  } catch (error) {
    const missing = codeOf(error) === "ENOENT";
    return failed(
      "invalid",
      `kubeconfig ${kubeconfig}: ${missing ? "there is no such file" : `it cannot be read (${codeOf(error)})`}`,
    );
  }
}

function asItself(credentials: Credentials): Credentials {
  return {
    ...credentials,
    current: async () => {
      const material = await credentials.current();
      return material.ok ? succeeded({ ...material.value, impersonation: {} }) : material;
    },
  };
}
