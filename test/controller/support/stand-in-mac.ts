import { MAC_TAINT, MEMORY_CONDITION, NODE_LABELS } from "../../../api/fleet.ts";
import type { Cluster } from "../../support/cluster/cluster.ts";

/** A Node that looks like a Mac's, with no agent behind it: pods are bound to it, and nothing runs. */
export async function addStandInMac(cluster: Cluster, name: string, memoryGiB: number): Promise<void> {
  const labels = {
    [NODE_LABELS.os]: "darwin",
    [NODE_LABELS.hostname]: name,
    [NODE_LABELS.memoryMiB]: String(memoryGiB * 1024),
    [NODE_LABELS.standIn]: "true",
  };
  const node = { apiVersion: "v1", kind: "Node", metadata: { name, labels }, spec: { taints: [MAC_TAINT] } };
  await cluster.kubectl(["create", "-f", "-"], { input: [node] });
  const resources = { cpu: "8", memory: `${memoryGiB}Gi`, pods: "20" };
  const conditions = [{ type: "Ready", status: "True", reason: "StandIn", message: "nothing runs here" }];
  const status = { status: { capacity: resources, allocatable: resources, conditions } };
  await cluster.kubectl(["patch", "node", name, "--subresource=status", "-p", JSON.stringify(status)]);
}

/** Says of a pod what an agent says of a server that answers. */
export async function sayReady(cluster: Cluster, pod: string, memory: string): Promise<void> {
  const at = `${new Date().toISOString().slice(0, 19)}Z`;
  const condition = (type: string, message: string) => ({ type, status: "True", message, lastTransitionTime: at });
  const conditions = [condition("Ready", ""), condition("ContainersReady", ""), condition(MEMORY_CONDITION, memory)];
  const status = { status: { phase: "Running", podIP: "10.99.0.1", podIPs: [{ ip: "10.99.0.1" }], conditions } };
  await cluster.kubectl(["patch", "pod", pod, "--subresource=status", "-p", JSON.stringify(status)]);
}
