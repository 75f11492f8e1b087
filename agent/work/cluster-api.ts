import { X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { networkInterfaces } from "node:os";
import { CONTAINER_NAME } from "../../api/fleet.ts";
import { readKubeconfig } from "../../kube/access/kubeconfig.ts";
import type { KubeClient, KubeObject, ObjectMeta } from "../../kube/client.ts";
import { agentMetrics } from "../http/metrics.ts";
import { openKubeletApi } from "../kubelet-api/kubelet-api.ts";
import type { Runnable } from "../lifecycle/runnable.ts";
import type { Notices } from "../main/report.ts";
import { chooseAddress } from "../node/addresses.ts";
import { routedAddresses } from "../node/routed.ts";
import type { Pod } from "../sources/pods/pod.ts";
import type { PodSource } from "../sources/pods/pods.ts";
import { logPathOf } from "../state/layout.ts";
import { packageVersion } from "../state/package.ts";
import type { StatusSink } from "../status/sink.ts";
import type { AgentStatus } from "../status/status.ts";
import type { WorkContext } from "./work.ts";

export interface ClusterApiOptions {
  readonly client: KubeClient;
  readonly kubeconfig: string;
  readonly clientCaFile: string | undefined;
  readonly nodeName: string;
  /** `--node-ip`, where it is the Node's own address. */
  readonly nodeIp: string | undefined;
  readonly port: number;
  readonly source: Pick<PodSource, "pods">;
  /** The Node's address as of now; undefined while it was not looked for. */
  readonly address: () => string | undefined;
}

/** What answers `kubectl logs` and `kubectl top`. */
export interface ClusterApi extends Notices {
  /** Undefined: it does not answer. */
  readonly port: number | undefined;
  readonly sink: StatusSink;
  readonly runnables: readonly Runnable[];
}

/** Never fails: a Mac whose logs cannot be read serves all the same. Then its problems say why. */
export async function openClusterApi(
  { client, kubeconfig, clientCaFile, nodeName, nodeIp, port, source, address }: ClusterApiOptions,
  { options, host, log, gatewayMetrics }: WorkContext,
): Promise<ClusterApi> {
  const metrics = agentMetrics(packageVersion(), gatewayMetrics);
  let status: AgentStatus | undefined;
  const sink: StatusSink = {
    name: "the kubelet API",
    publish: async (next) => {
      status = next;
      metrics.observe(next);
    },
    terminated: async () => {},
  };
  const first = nodeIp ?? chooseAddress(networkInterfaces(), await routedAddresses());
  const addresses = () => [address() ?? first].filter((one) => one !== undefined);
  const opened = await openKubeletApi({
    ...{ kube: client, nodeName, port, addresses },
    ...{
      clientCa: await clientAuthority(kubeconfig, clientCaFile),
      stateDirectory: options.state,
      registry: metrics.registry,
    },
    status: () => status,
    pods: () => [...source.pods().values()].map(asObject),
    logPathOf: (namespace, name, container) => {
      const pods = [...source.pods()];
      const id = pods.find(([, { metadata }]) => metadata.namespace === namespace && metadata.name === name)?.[0];
      return id === undefined || container !== CONTAINER_NAME ? undefined : logPathOf(options.state, id);
    },
    cpuSeconds: (pid) => host.platform.cpuSeconds(pid),
    say: (message) => log.info(message),
  });
  if (!opened.ok) {
    const problem = `the cluster cannot ask this Mac for logs and metrics: ${opened.error}`;
    return { port: undefined, sink, runnables: [], problems: () => [problem], notes: () => [] };
  }
  const { runnables, notes } = opened.value;
  return { port: opened.value.port, sink, runnables, problems: () => [], notes };
}

/** What a person names is checked by who uses it. Of a kubeconfig, what is no authority, as a certificate that signs itself, is none. */
async function clientAuthority(kubeconfig: string, named: string | undefined): Promise<string | undefined> {
  if (named !== undefined) return readFile(named, "utf8").catch(() => "");
  const pem = await authorityOf(kubeconfig);
  try {
    return pem !== undefined && new X509Certificate(pem).ca ? pem : undefined;
  } catch {
    return undefined;
  }
}

/** PEM of the authority of the API server's certificate, which on most clusters signs those of clients, too. */
async function authorityOf(kubeconfig: string): Promise<string | undefined> {
  try {
    const access = readKubeconfig(await readFile(kubeconfig, "utf8"), kubeconfig);
    const authority = access.ok ? access.value.authority : undefined;
    if (authority === undefined) return undefined;
    return "file" in authority ? await readFile(authority.file, "utf8") : authority.data.toString("utf8");
  } catch {
    return undefined;
  }
}

/** What the schema of pods does not name is in it as it was sent. */
function asObject(pod: Pod): KubeObject {
  return { apiVersion: "v1", kind: "Pod", ...pod, metadata: pod.metadata as ObjectMeta };
}
