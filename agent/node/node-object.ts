import {
  MAC_OS_LABEL_VALUE,
  MAC_TAINT,
  NODE_LABELS,
  WEIGHTS_LABEL_PREFIX,
  weightsImageOfKey,
} from "../../api/fleet.ts";
import type { KubeObject } from "../../kube/client.ts";
import type { Condition, DiskSpace } from "./conditions.ts";

/**
 * Pods that a Mac takes: Kubernetes' own default and tested limit of a node. A pod that ends counts until it is gone, so half of it, 55
 * models, may each have a predecessor and a successor. It is never the limit that decides: memory is, and the smallest useful model has
 * some 300 MiB.
 */
export const MOST_PODS = 110;

/** What of a machine does not change while the agent runs. */
export interface MachineFacts {
  /** The machine's UUID, or `/etc/machine-id`. */
  readonly machineId: string;
  readonly systemUuid: string;
  readonly bootId: string;
  readonly kernelVersion: string;
  /** `macOS 15.4`. */
  readonly osImage: string;
  /** As Go names it: `arm64`, `amd64`. */
  readonly architecture: string;
  readonly cpus: number;
  /** `apple-m4-max`; undefined where it is no Mac. */
  readonly chip: string | undefined;
}

/** Weights on this Mac's disk. */
export interface HeldWeights {
  /** `weightsKey` of api/fleet.ts. */
  readonly key: string;
  readonly bytes: number;
}

/** What a Node says of its Mac. All amounts in bytes. */
export interface NodeFacts {
  readonly name: string;
  readonly machine: MachineFacts;
  /** What the agent counts on: the `--host-memory`, or all. */
  readonly memoryBytes: number;
  /** What all models together may use. */
  readonly allocatableBytes: number;
  readonly workingSetBytes: number | undefined;
  /** The disk of the models; undefined where it has not been read yet. */
  readonly disk: DiskSpace | undefined;
  /** Undefined without a network. */
  readonly address: string | undefined;
  /** Where the agent answers for logs and metrics; undefined where it does not. */
  readonly kubeletPort: number | undefined;
  /** Build of llama-server; undefined where it cannot be told. */
  readonly serverBuild: string | undefined;
  readonly agentVersion: string;
  /** Whether the machine only stands in for a Mac. */
  readonly standIn: boolean;
  readonly held: readonly HeldWeights[];
  readonly conditions: readonly Condition[];
}

/** The version of the kubelet whose part the agent plays: what Kubernetes' rules about differing versions go by. */
const KUBELET_VERSION = "v1.36.3";

const MIB = 2 ** 20;

/** The labels of this Mac's Node that are the agent's own. */
export function nodeLabels(facts: NodeFacts): Readonly<Record<string, string>> {
  const { name, machine, memoryBytes, workingSetBytes, standIn, held } = facts;
  return {
    [NODE_LABELS.os]: MAC_OS_LABEL_VALUE,
    [NODE_LABELS.arch]: machine.architecture,
    [NODE_LABELS.hostname]: name,
    [NODE_LABELS.memoryMiB]: String(Math.floor(memoryBytes / MIB)),
    [NODE_LABELS.noLoadBalancer]: "true",
    ...(workingSetBytes !== undefined && { [NODE_LABELS.workingSetMiB]: String(Math.floor(workingSetBytes / MIB)) }),
    ...(machine.chip !== undefined && { [NODE_LABELS.chip]: machine.chip }),
    ...(standIn && { [NODE_LABELS.standIn]: "true" }),
    ...Object.fromEntries(held.map(({ key }) => [WEIGHTS_LABEL_PREFIX + key, ""])),
  };
}

/** Whether the agent alone decides on a label. */
export function isOwnLabel(label: string): boolean {
  return label.startsWith(WEIGHTS_LABEL_PREFIX) || OWN_LABELS.has(label);
}

const OWN_LABELS: ReadonlySet<string> = new Set(Object.values(NODE_LABELS));

/** `status` of the Node, but for the times of its conditions. */
export interface NodeStatus {
  readonly capacity: Readonly<Record<string, string>>;
  readonly allocatable: Readonly<Record<string, string>>;
  readonly addresses: readonly { readonly type: string; readonly address: string }[];
  readonly daemonEndpoints: { readonly kubeletEndpoint: { readonly Port: number } };
  readonly nodeInfo: Readonly<Record<string, string>>;
  readonly images: readonly { readonly names: readonly string[]; readonly sizeBytes: number }[];
}

export function nodeStatus(facts: NodeFacts): NodeStatus {
  const { name, machine, memoryBytes, allocatableBytes, disk, address, kubeletPort, held } = facts;
  const shared = {
    cpu: String(machine.cpus),
    pods: String(MOST_PODS),
    ...(disk !== undefined && { "ephemeral-storage": kibibytes(disk.totalBytes) }),
  };
  return {
    capacity: { ...shared, memory: kibibytes(memoryBytes) },
    allocatable: { ...shared, memory: kibibytes(Math.min(allocatableBytes, memoryBytes)) },
    addresses: [
      ...(address === undefined ? [] : [{ type: "InternalIP", address }]),
      { type: "Hostname", address: name },
    ],
    daemonEndpoints: { kubeletEndpoint: { Port: kubeletPort ?? 0 } },
    nodeInfo: nodeInfo(facts),
    images: held.map(({ key, bytes }) => ({ names: [weightsImageOfKey(key)], sizeBytes: bytes })),
  };
}

function nodeInfo({ machine, serverBuild, agentVersion }: NodeFacts): Readonly<Record<string, string>> {
  return {
    machineID: machine.machineId,
    systemUUID: machine.systemUuid,
    bootID: machine.bootId,
    kernelVersion: machine.kernelVersion,
    osImage: machine.osImage,
    containerRuntimeVersion: `llama-server://${serverBuild ?? "unknown"}`,
    kubeletVersion: `${KUBELET_VERSION}-llmkube-${agentVersion}`,
    operatingSystem: MAC_OS_LABEL_VALUE,
    architecture: machine.architecture,
  };
}

/** The Node as it is registered. The taint can only be set now: NodeRestriction keeps a Node from changing its taints later. */
export function nodeObject(facts: NodeFacts, now: Date): KubeObject {
  const conditions = facts.conditions.map((condition) => ({
    ...condition,
    lastHeartbeatTime: timeOf(now),
    lastTransitionTime: timeOf(now),
  }));
  return {
    apiVersion: "v1",
    kind: "Node",
    metadata: { name: facts.name, labels: nodeLabels(facts) },
    spec: { taints: [MAC_TAINT] },
    status: { ...nodeStatus(facts), conditions },
  };
}

/** Kubernetes' times have whole seconds. */
export function timeOf(date: Date): string {
  return `${date.toISOString().slice(0, 19)}Z`;
}

function kibibytes(bytes: number): string {
  return `${Math.floor(bytes / 1024)}Ki`;
}
