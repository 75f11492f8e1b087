import { Agent, type Dispatcher, EnvHttpProxyAgent, ProxyAgent } from "undici";
import type { Credentials } from "../access/credentials.ts";
import type { Material } from "../access/material.ts";
import type { KubeResult } from "../client.ts";
import { succeeded } from "../failure.ts";

/** Connections to one API server, and who asks. */
export interface Session {
  readonly server: () => string;
  /** The connections and headers for the next request. */
  next(): Promise<KubeResult<Channel>>;
  /** Credentials were refused: whether there are others now, read anew. */
  refused(channel: Channel): Promise<boolean>;
  resetConnections(): Promise<void>;
  close(): Promise<void>;
}

export interface Channel {
  readonly dispatcher: Dispatcher;
  readonly server: string;
  readonly headers: Readonly<Record<string, string | string[]>>;
  readonly material: Material;
}

const CONNECT_TIMEOUT_MS = 10_000;
/** Below the 60 s after which some load balancers forget a connection, and the 90 s of the API server. */
const IDLE_MS = 55_000;

/**
 * One set of connections, shared by all requests. New ones are made when the server or a certificate changes; what is under way on the
 * old ones ends there.
 */
export function session(credentials: Credentials, userAgent: string): Session {
  let current: { readonly key: string; readonly dispatcher: Dispatcher } | undefined;

  function dispatcherFor(material: Material): Dispatcher {
    if (current?.key === material.connectionKey) return current.dispatcher;
    current?.dispatcher.close().catch(() => {});
    current = { key: material.connectionKey, dispatcher: dispatcherOf(material) };
    return current.dispatcher;
  }

  return {
    server: () => credentials.server(),
    next: async () => {
      const material = await credentials.current();
      if (!material.ok) return material;
      const { server, authorization, impersonation } = material.value;
      const headers = {
        "user-agent": userAgent,
        ...(authorization !== undefined && { authorization }),
        ...impersonation,
      };
      return succeeded({ dispatcher: dispatcherFor(material.value), server, headers, material: material.value });
    },
    refused: ({ material }) => credentials.refused(material),
    resetConnections: async () => giveUp(),
    close: async () => giveUp(),
  };

  /** What is under way fails at once. A connection that is just being made takes its time to end, and nobody waits for it. */
  function giveUp(): void {
    current?.dispatcher.destroy().catch(() => {});
    current = undefined;
  }
}

/** Through the kubeconfig's proxy, else through that of the environment, which is never asked for this machine itself: as kubectl does. */
function dispatcherOf({ server, tls, proxy }: Material): Dispatcher {
  const shared = { keepAliveTimeout: IDLE_MS, keepAliveMaxTimeout: IDLE_MS, allowH2: false };
  const socket = { keepAlive: true, keepAliveInitialDelay: 30_000, timeout: CONNECT_TIMEOUT_MS };
  if (proxy !== undefined) return new ProxyAgent({ ...shared, uri: proxy, requestTls: tls, connect: socket });
  const direct = { ...shared, connect: { ...socket, ...tls } };
  const isLocal = /^(localhost|127\.[\d.]+|\[::1\])$/.test(new URL(server).hostname);
  return isLocal ? new Agent(direct) : new EnvHttpProxyAgent({ ...direct, requestTls: tls });
}
