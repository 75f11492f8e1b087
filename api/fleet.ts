import { createHash } from "node:crypto";

/**
 * The names by which the controller, the agents, the components and the manifests find each other's objects in a cluster. Whoever
 * changes one changes what runs in a fleet: a Mac with an older agent must still be found.
 */

/** Namespace of the controller, and of the identities of the Macs. */
export const SYSTEM_NAMESPACE = "pulumi-llmkube";

/** `app.kubernetes.io/managed-by` of every object that the controller makes. */
export const MANAGED_BY = "pulumi-llmkube";

/** Field managers, one for each writer. */
export const FIELD_MANAGERS = { controller: "pulumi-llmkube-controller", agent: "pulumi-llmkube-agent" } as const;

/** Labels of a Mac's Node. */
export const NODE_LABELS = {
  os: "kubernetes.io/os",
  arch: "kubernetes.io/arch",
  hostname: "kubernetes.io/hostname",
  /** Whole MiB of memory that the agent counts on: what a `memoryFraction` is a fraction of. */
  memoryMiB: "llmkube.dev/memory-mib",
  /** Whole MiB of Metal's recommended working set; absent where there is no Metal. */
  workingSetMiB: "llmkube.dev/working-set-mib",
  /** `apple-m4-max`. */
  chip: "llmkube.dev/chip",
  /** `true` on a machine that only stands in for a Mac, in tests and demos. */
  standIn: "llmkube.dev/stand-in",
  noLoadBalancer: "node.kubernetes.io/exclude-from-external-load-balancers",
} as const;

export const MAC_OS_LABEL_VALUE = "darwin";

/** Keeps pods that are not for Macs away from them. */
export const MAC_TAINT = { key: "llmkube.dev/mac", value: "true", effect: "NoSchedule" } as const;

/** Label of a Node that has the weights on its disk: this prefix and {@link weightsKey}. Its value is empty. */
export const WEIGHTS_LABEL_PREFIX = "weights.llmkube.dev/";

/** Label of everything that belongs to an InferenceService: its name, made fit for a label by {@link childName}. */
export const SERVICE_LABEL = "llmkube.dev/inference-service";

/** Annotations of the pod template. */
export const POD_ANNOTATIONS = {
  /** Name of the InferenceService, in the pod's own namespace. */
  service: "llmkube.dev/inference-service-name",
  serviceUid: "llmkube.dev/inference-service-uid",
  /** `settingsHash` of the manifests that the pod was made for. */
  settings: "llmkube.dev/settings",
} as const;

/** Annotation of everything that the controller applies: a digest of what it applied. */
export const APPLIED_ANNOTATION = "llmkube.dev/applied";

/** Annotations of a Deployment, beside {@link POD_ANNOTATIONS}.settings of its template: what a restarted controller need not compute again. */
export const DEPLOYMENT_ANNOTATIONS = {
  /** The settings that the estimate below is for. */
  settings: POD_ANNOTATIONS.settings,
  /** The estimate in JSON. */
  estimate: "llmkube.dev/estimate",
} as const;

/** Annotations of an InferenceService, which a person may write. */
export const SERVICE_ANNOTATIONS = {
  /** Name of a Secret of the same namespace whose key {@link API_KEY} holds the API keys, one a line; default: the controller makes one. */
  apiKeySecret: "llmkube.dev/api-key-secret",
} as const;

/** Key of the Secret, and the name of the container's environment variable that refers to it. */
export const API_KEY = "api-key";
export const API_KEY_VARIABLE = "LLAMA_API_KEY";

/** The one container of a pod, and its one port. */
export const CONTAINER_NAME = "llama-server";

/** Why the container waits while the gateway of its Mac has unloaded the model: the next request there wakes it. */
export const SLEEPING = "Sleeping";
export const PORT_NAME = "http";

/**
 * Ports that the controller gives to InferenceServices, one each, kept as long as the service exists: above the kubelet's, below the
 * NodePorts (30000) and the ephemeral ports of macOS (49152).
 */
export const DEFAULT_PORTS = { first: 12_000, last: 29_999 } as const;

/** Where the agent answers the API server's questions about logs and metrics. */
export const KUBELET_PORT = 10_250;

/** Where the controller answers probes and metrics, inside its pod. */
export const CONTROLLER_PORT = 9098;

/** A condition of a pod: whether its server is inside its budget. Its message has the numbers. */
export const MEMORY_CONDITION = "llmkube.dev/WithinBudget";

/**
 * Conditions that the controller writes, on InferenceServices and Models. They have a prefix, so that they are never those of LLMKube's
 * operator.
 */
export const SERVICE_CONDITIONS = {
  /** Whether the service can be scheduled: its manifests, and its need against its budget. */
  accepted: "llmkube.dev/Accepted",
  /** Whether all replicas have a Mac. */
  scheduled: "llmkube.dev/Scheduled",
  /** Whether all replicas that are wanted answer. */
  available: "llmkube.dev/Available",
  /** Whether all replicas are inside the budget; its message has the numbers of each. */
  withinBudget: MEMORY_CONDITION,
} as const;
export const MODEL_CONDITION = "llmkube.dev/HeaderRead";

/** PriorityClasses by `spec.priority` of the InferenceService. */
export const PRIORITY_CLASSES = {
  critical: { name: "llmkube-critical", value: 1_000_000 },
  high: { name: "llmkube-high", value: 100_000 },
  normal: { name: "llmkube-normal", value: 10_000 },
  low: { name: "llmkube-low", value: 1000 },
  batch: { name: "llmkube-batch", value: 100 },
} as const;

/** The longest name of a Service, and the longest value of a label. */
const LONGEST = 63;
const DIGEST_LENGTH = 8;

/**
 * Name of the objects that belong to an InferenceService: its own name with dashes for dots, as LLMKube names its Service, where that is
 * a DNS label; else a shortened form that ends in a digest of the whole name, so that two long names do not collide. `a.b` and `a-b`
 * do: the second one is refused. At most `63 - suffix.length` characters before the suffix.
 *
 * @param suffix appended, for example `-api-key`
 */
export function childName(serviceName: string, suffix = ""): string {
  const longest = LONGEST - suffix.length;
  const label = serviceName.replaceAll(".", "-");
  if (label.length <= longest && /^[a-z]([-a-z0-9]*[a-z0-9])?$/.test(label)) return label + suffix;
  const digest = createHash("sha256").update(serviceName).digest("hex").slice(0, DIGEST_LENGTH);
  const kept = serviceName
    .toLowerCase()
    .replaceAll(/[^a-z0-9-]/g, "-")
    .slice(0, longest - DIGEST_LENGTH - 3);
  return `m-${kept}-${digest}${suffix}`.replaceAll(/-{2,}/g, "-");
}

/** What identifies weights on a disk: the fields of `Model.spec` that say which bytes are meant. */
export interface WeightsIdentity {
  readonly source: string;
  readonly sha256?: string | undefined;
  readonly mmproj?: string | undefined;
}

/** A key of 16 hexadecimal digits for weights: the same for the same source, sha256 and projector. */
export function weightsKey({ source, sha256, mmproj }: WeightsIdentity): string {
  const parts = [source, sha256?.toLowerCase() ?? null, mmproj ?? null];
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 16);
}

/**
 * The image of a pod that serves these weights. It is a name only and is never pulled: a Node lists it among its images when it has the
 * weights, so that the scheduler prefers that Node. It has a tag, because the scheduler adds `:latest` to a name without one.
 */
export function weightsImage(weights: WeightsIdentity): string {
  return weightsImageOfKey(weightsKey(weights));
}

/** @param key made by {@link weightsKey} */
export function weightsImageOfKey(key: string): string {
  return `weights.llmkube.dev/${key}:held`;
}

/** Name of the user that a Mac's identity impersonates. The Node authorizer gives it the rights of a kubelet of that name. */
export function nodeUser(nodeName: string): string {
  return `system:node:${nodeName}`;
}

export const NODES_GROUP = "system:nodes";

/** Name of the ServiceAccount of a Mac, in {@link SYSTEM_NAMESPACE}. */
export function nodeAccount(nodeName: string): string {
  return `mac-${nodeName}`;
}
