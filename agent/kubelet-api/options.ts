import type { Registry } from "@prometheus-io/client";
import type { KubeClient, KubeObject } from "../../kube/client.ts";
import type { Clock } from "../../kube/clock.ts";
import type { HttpLimits } from "../http/limits.ts";
import type { AgentStatus } from "../status/status.ts";
import type { MayAccess } from "./access.ts";
import type { CpuSeconds } from "./usage.ts";

export interface KubeletApiOptions {
  /** As the node's user (`system:node:NAME`): it may make TokenReviews, SubjectAccessReviews and CertificateSigningRequests. */
  readonly kube: KubeClient;
  readonly nodeName: string;
  /**
   * Of the Node object: IP addresses and host names by which the API server reaches this Mac, as of now. The certificate is for these and the
   * name; where they change, so does it.
   */
  readonly addresses: () => readonly string[];
  /** `KUBELET_PORT`, or 0 for any. The Node's `status.daemonEndpoints.kubeletEndpoint.Port` must say which it became. */
  readonly port: number;
  /** Where it listens; default: on all addresses. */
  readonly host?: string | undefined;
  /**
   * PEM of the authorities that sign client certificates of this cluster: the CA of the kubeconfig, unless the cluster has another one for clients
   * (`--client-ca-file` of its kubelets). Undefined: only bearer tokens are believed. A node may not read that of the ConfigMap
   * kube-system/extension-apiserver-authentication.
   */
  readonly clientCa: string | undefined;
  readonly stateDirectory: string;
  /** The pods that this agent has taken on, as the API server sent them. */
  readonly pods: () => readonly KubeObject[];
  /** Path of the log of a pod's container; undefined where there is no such container here. Names are looked up, never made into a path. */
  readonly logPathOf: (namespace: string, pod: string, container: string) => string | undefined;
  /** The last status; the id of a pod's workload is its uid. */
  readonly status: () => AgentStatus | undefined;
  /** The agent's own metrics. */
  readonly registry: Registry;
  readonly cpuSeconds: CpuSeconds;
  readonly limits?: HttpLimits;
  readonly clock?: Clock;
  /** From 0 to 1. */
  readonly random?: () => number;
  /** Gets one sentence about what a person should know. */
  readonly say: (message: string) => void;
}

/** What answers are made of. */
export interface Served
  extends Pick<KubeletApiOptions, "nodeName" | "pods" | "logPathOf" | "status" | "registry" | "cpuSeconds"> {
  readonly clock: Clock;
  readonly limits: HttpLimits;
  readonly mayAccess: MayAccess;
}
