import { MAC_OS_LABEL_VALUE, NODE_LABELS, SERVICE_LABEL } from "../../api/fleet.ts";
import { exactQuantity, quantityBytes } from "../../api/quantity.ts";
import { failIn, ok, type Result } from "../../api/result.ts";
import { readMac } from "../../controller/plan/mac.ts";
import { podView } from "../../controller/watch/pod-view.ts";
import type { KubeClient } from "../../kube/client.ts";
import { KINDS } from "../../kube/kinds.ts";
import type { Host } from "../../memory/placement/host.ts";
import type { ExportedHost } from "./from-status.ts";

export interface ClusterHosts {
  readonly hosts: readonly ExportedHost[];
  /** One sentence for each thing that could not be told. */
  readonly notes: readonly string[];
}

const MiB = 2 ** 20;

/** The Macs of a cluster, and what runs on them. Fails with one sentence where the nodes may not be listed. */
export async function hostsOfCluster(client: KubeClient, signal?: AbortSignal): Promise<Result<ClusterHosts>> {
  const options = signal === undefined ? {} : { signal };
  const selector = `${NODE_LABELS.os}=${MAC_OS_LABEL_VALUE}`;
  const nodes = await client.list(KINDS.node, { labelSelector: selector }, options);
  if (!nodes.ok)
    return failIn("the Macs of the cluster cannot be listed", { ok: false, kind: "unreachable", error: nodes.error });
  const pods = await client.list(KINDS.pod, { labelSelector: SERVICE_LABEL }, options);
  const models = Map.groupBy(pods.ok ? pods.value.items.flatMap(modelOf) : [], ({ node }) => node);
  const macs = nodes.value.items.map(readMac);
  const hosts = macs.flatMap((mac) => (mac.ok ? [exported(mac.value, models.get(mac.value.name) ?? [])] : []));
  const unread = macs.flatMap((mac) => (mac.ok ? [] : [mac.error]));
  return ok({ hosts, notes: pods.ok ? unread : [...unread, `what runs on them is not known: ${pods.error}`] });
}

function modelOf(object: Parameters<typeof podView>[0]) {
  const pod = podView(object);
  const bytes = pod.ok ? quantityBytes(pod.value.memoryRequest ?? "0") : "malformed";
  if (!pod.ok || pod.value.node === undefined || typeof bytes !== "bigint" || bytes <= 0n) return [];
  const { node, service, ports, priority, phase } = pod.value;
  if (phase === "Succeeded" || phase === "Failed") return [];
  return [{ node, model: { name: service, memory: exactQuantity(bytes), ports: [...ports], priority } }];
}

function exported(host: Host, models: readonly ReturnType<typeof modelOf>[number][]): ExportedHost {
  const { name, allocatableBytes, memoryMiB, workingSetMiB, labels, taints, unschedulable } = host;
  return {
    name,
    ...(memoryMiB !== undefined && { memory: exactQuantity(BigInt(memoryMiB * MiB)) }),
    allocatable: exactQuantity(BigInt(allocatableBytes)),
    ...(workingSetMiB !== undefined && { workingSet: exactQuantity(BigInt(workingSetMiB * MiB)) }),
    labels: { ...labels },
    taints: taints.map((taint) => ({ ...taint })),
    unschedulable,
    models: models.map(({ model }) => model),
  };
}
