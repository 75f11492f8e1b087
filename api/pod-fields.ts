import * as z from "zod";
import { list, matching, opaque, prose, text, textMap, withCelRules } from "./fields.ts";
import { localReference } from "./references.ts";

const gpuSharingFields = z.strictObject({
  mode: z.enum(["exclusive", "shared", "partitioned"]).describe("How a GPU is shared.").default("exclusive"),
  profile: text().describe("Partition to ask for, in mode partitioned.").optional(),
  memoryLimitGiB: z.int32().min(1).describe("GPU memory in GiB, in mode shared.").optional(),
});

const gpuSharingSchema = withCelRules(gpuSharingFields, [
  {
    cel: "!has(self.mode) || self.mode != 'partitioned' || (has(self.profile) && self.profile.size() > 0)",
    holds: ({ mode, profile }) => mode !== "partitioned" || Boolean(profile),
    message: "mode partitioned needs profile",
  },
  {
    cel: "!has(self.profile) || self.profile.size() == 0 || (has(self.mode) && self.mode == 'partitioned')",
    holds: ({ mode, profile }) => !profile || mode === "partitioned",
    message: "profile is only for mode partitioned",
  },
  {
    cel: "!has(self.memoryLimitGiB) || (has(self.mode) && self.mode == 'shared')",
    holds: ({ mode, memoryLimitGiB }) => memoryLimitGiB === undefined || mode === "shared",
    message: "memoryLimitGiB is only for mode shared",
  },
]);

/** LLMKube's own pattern, which lets through a little more than Kubernetes' grammar does: what it accepts is accepted here. */
const quantity = () => matching(/^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$/, "a Kubernetes quantity such as 10Gi");

const resourcesSchema = z
  .strictObject({
    cpu: text().describe("CPU to request, for example 2 or 500m.").optional(),
    memory: quantity().describe("Memory to request. On Metal the estimate of the model is requested.").optional(),
    memoryLimit: quantity()
      .describe("Most memory that a container may use. Not used on Metal: see hardware.memoryBudget of the Model.")
      .optional(),
    hostMemory: quantity()
      .describe("Memory for layers and caches that stay off the GPU. Not used on Metal.")
      .optional(),
    ephemeralStorage: quantity().describe("Disk to request for what does not outlive a pod.").optional(),
    gpu: z.int32().min(0).max(8).describe("GPUs a replica. Not used on Metal, which has one.").optional(),
    gpuMemory: text().describe("Memory a GPU must have. Not used on Metal.").optional(),
    gpuSharing: gpuSharingSchema.describe("Sharing a GPU with others. Not used on Metal.").optional(),
  })
  .describe("Resources of one replica.");

const modelCacheSchema = withCelRules(
  z.strictObject({
    persistence: z.enum(["Cached", "Ephemeral"]).describe("Whether weights outlive a pod.").optional(),
    claimName: text().min(1).max(253).describe("PersistentVolumeClaim to keep weights in.").optional(),
  }),
  [
    {
      cel: "!(has(self.persistence) && self.persistence == 'Ephemeral' && has(self.claimName))",
      holds: ({ persistence, claimName }) => persistence !== "Ephemeral" || claimName === undefined,
      message: "claimName needs persistence Cached",
    },
  ],
);

const probe = () => opaque("core/v1 Probe");

/** Fields of InferenceService.spec that shape pods and their containers. Native processes on a Mac use few of them. */
export const podFields = {
  resources: resourcesSchema.optional(),
  image: text().describe("Container image. Not used on Metal, where servers are native processes.").optional(),
  imagePullSecrets: list(localReference("Secret for pulling the image."))
    .describe("Secrets for pulling the image.")
    .optional(),
  command: list(prose()).describe("Command of the container. Never run on Metal.").optional(),
  args: list(prose()).describe("Arguments of the container. Never used on Metal: see extraArgs.").optional(),
  env: list(opaque("core/v1 EnvVar")).describe("Environment of the container. Not used on Metal.").optional(),
  containerPort: z.int32().min(1).max(65_535).describe("Port that the container listens on.").optional(),
  bindAddress: text().describe("Address that the server listens on.").optional(),
  nodeSelector: textMap().describe("Labels that a node must have.").optional(),
  affinity: opaque("core/v1 Affinity").describe("Nodes that pods prefer or need.").optional(),
  tolerations: list(opaque("core/v1 Toleration")).describe("Taints that pods tolerate.").optional(),
  topologySpreadConstraints: list(opaque("core/v1 TopologySpreadConstraint"))
    .describe("How replicas are spread.")
    .optional(),
  runtimeClassName: text().describe("RuntimeClass of the pods. Not used on Metal.").optional(),
  priorityClassName: text()
    .describe("PriorityClass of the pods in place of the one that priority stands for.")
    .optional(),
  podAnnotations: textMap().describe("Annotations for the pods.").optional(),
  podLabels: textMap().describe("Labels for the pods.").optional(),
  podSecurityContext: opaque("core/v1 PodSecurityContext").describe("Security settings of the pods.").optional(),
  securityContext: opaque("core/v1 SecurityContext").describe("Security settings of the container.").optional(),
  probeOverrides: z
    .strictObject({
      startup: probe().describe("In place of the startup probe.").optional(),
      liveness: probe().describe("In place of the liveness probe.").optional(),
      readiness: probe().describe("In place of the readiness probe.").optional(),
    })
    .describe("Probes in place of the runtime's own. Not used on Metal.")
    .optional(),
  extraVolumes: list(opaque("core/v1 Volume")).describe("More volumes. Never mounted on Metal.").optional(),
  extraVolumeMounts: list(opaque("core/v1 VolumeMount")).describe("Where extraVolumes are mounted.").optional(),
  modelCache: modelCacheSchema.describe("Where weights are cached in the cluster. Not used on Metal.").optional(),
  skipModelInit: z.boolean().describe("Whether pods start without fetching the weights first.").optional(),
  pagedSSDCacheDir: text().describe("Folder for a KV cache on disk.").optional(),
  pagedSSDCacheMaxSize: text().describe("Largest size of the KV cache on disk.").optional(),
  hotCacheMaxSize: text()
    .describe("Largest size of the KV cache in memory that stands before the one on disk.")
    .optional(),
  turboQuantBits: z
    .literal([3, 6, 8])
    .meta({ format: "int32" })
    .describe("Bits of a cache value under TurboQuant. Not used on Metal.")
    .optional(),
  maxPodLifetimeSeconds: z.int().min(1).describe("Age in seconds at which a pod is replaced.").optional(),
  maxPodLifetimeIdleTimeoutSeconds: z
    .int()
    .min(0)
    .describe("How long a pod that is due may wait for its requests to end, in seconds.")
    .optional(),
};
