import { X509Certificate } from "node:crypto";
import { fail, ok, type Result } from "../../api/result.ts";
import { systemClock } from "../../kube/clock.ts";
import { HTTP_LIMITS } from "../http/limits.ts";
import type { Runnable } from "../lifecycle/runnable.ts";
import { servingPaths } from "../state/layout.ts";
import { accessControl } from "./access.ts";
import { requestHandler } from "./handler.ts";
import type { KubeletApiOptions } from "./options.ts";
import { reviewsOf } from "./reviews.ts";
import { openServing, type Serving } from "./serving.ts";
import { serveTls, type TlsServer } from "./tls-server.ts";

/** What the API server, Prometheus and metrics-server ask this Mac. */
export interface KubeletApi {
  readonly port: number;
  readonly runnables: readonly Runnable[];
  /** Sentences for the status, for information only. */
  readonly notes: () => readonly string[];
}

/**
 * Listens, with a certificate of its own until the cluster has signed one. Fails with one sentence where the port cannot be had, where the
 * state folder cannot be written, or where the client CA is no certificate; the cluster may be away.
 */
export async function openKubeletApi(options: KubeletApiOptions): Promise<Result<KubeletApi>> {
  const { kube, nodeName, addresses, port, host, clientCa, say } = options;
  const { clock = systemClock, random = Math.random, limits = HTTP_LIMITS } = options;
  if (clientCa !== undefined && !isCertificate(clientCa)) {
    return fail(
      "the client CA of the kubelet API is no certificate in PEM: name the one that signs this cluster's client certificates",
    );
  }
  const names = () => [...new Set([nodeName, ...addresses()])];
  const paths = servingPaths(options.stateDirectory);
  const serving = await openServing({ kube, nodeName, names, paths, clock, random, say });
  if (!serving.ok) return serving;
  const { key, current } = serving.value;
  const mayAccess = accessControl(reviewsOf(kube, nodeName, say), nodeName, clock.monotonic);
  const handler = requestHandler({ ...options, clock, limits, mayAccess });
  const server = await serveTls({ host, port }, { key, certificate: current().pem, clientCa }, limits, handler);
  if (!server.ok) return server;
  return ok({
    port: server.value.port,
    runnables: [listening(server.value), signing(serving.value, server.value, clientCa)],
    notes: () => [serving.value.note()].flatMap((note) => note ?? []),
  });
}

function listening({ close }: TlsServer): Runnable {
  return {
    name: "the kubelet API",
    run: async (signal) => {
      if (!signal.aborted) await new Promise((resolve) => signal.addEventListener("abort", resolve));
      await close();
    },
  };
}

function signing({ key, keep }: Serving, { swap }: TlsServer, clientCa: string | undefined): Runnable {
  return {
    name: "the certificate of the kubelet API",
    run: (signal) => keep(signal, ({ pem }) => swap({ key, certificate: pem, clientCa })),
  };
}

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).subject !== undefined;
  } catch {
    return false;
  }
}
