import { GiB } from "../../api/bytes.ts";
import { GROUP_VERSION } from "../../api/constants.ts";
import { MAC_OS_LABEL_VALUE, MAC_TAINT, NODE_LABELS } from "../../api/fleet.ts";
import type { KubeObject } from "../../kube/client.ts";

/** Sizes of Macs in this fleet, in GiB. */
const SIZES = [16, 32, 64, 128] as const;
export const NAMESPACES = 20;

export function namespaceOf(index: number): string {
  return `team-${index % NAMESPACES}`;
}

export function namespaces(): readonly KubeObject[] {
  return Array.from({ length: NAMESPACES }, (_, index) => ({ metadata: { name: namespaceOf(index) } }));
}

function memoryOf(index: number): number {
  return (SIZES[index % SIZES.length] ?? 16) * GiB;
}

/** A Mac as its agent would register it. */
export function nodes(count: number): readonly KubeObject[] {
  return Array.from({ length: count }, (_, index) => ({
    metadata: {
      name: `mac-${index}`,
      labels: {
        [NODE_LABELS.os]: MAC_OS_LABEL_VALUE,
        [NODE_LABELS.arch]: "arm64",
        [NODE_LABELS.hostname]: `mac-${index}`,
        [NODE_LABELS.memoryMiB]: String(memoryOf(index) / 2 ** 20),
      },
    },
    spec: { taints: [MAC_TAINT] },
  }));
}

export function nodeStatus(index: number): object {
  const memory = String(Math.floor(memoryOf(index) * 0.7));
  const resources = { cpu: "10", memory, pods: "110" };
  return {
    capacity: { ...resources, memory: String(memoryOf(index)) },
    allocatable: resources,
    addresses: [
      {
        type: "InternalIP",
        address: `10.${90 + Math.floor(index / 65_536)}.${Math.floor(index / 256) % 256}.${index % 256}`,
      },
    ],
    conditions: [{ type: "Ready", status: "True", reason: "AgentReady", message: "a node of a bench" }],
  };
}

export function models(count: number, source: string): readonly KubeObject[] {
  return Array.from({ length: count }, (_, index) => ({
    apiVersion: GROUP_VERSION,
    kind: "Model",
    metadata: { namespace: namespaceOf(index), name: `model-${index}` },
    spec: { source, hardware: { accelerator: "metal", memoryBudget: "2Gi" } },
  }));
}

export function services(count: number): readonly KubeObject[] {
  return Array.from({ length: count }, (_, index) => ({
    apiVersion: GROUP_VERSION,
    kind: "InferenceService",
    metadata: { namespace: namespaceOf(index), name: `model-${index}` },
    spec: { modelRef: `model-${index}`, contextSize: 2048 },
  }));
}

/** What kube-controller-manager writes once the pod of a Deployment is Ready. */
export function settledDeployment(generation: number | undefined): object {
  return {
    observedGeneration: generation ?? 1,
    replicas: 1,
    updatedReplicas: 1,
    readyReplicas: 1,
    availableReplicas: 1,
    conditions: [
      { type: "Available", status: "True", reason: "MinimumReplicasAvailable", message: "settled by a bench" },
      { type: "Progressing", status: "True", reason: "NewReplicaSetAvailable", message: "settled by a bench" },
    ],
  };
}
