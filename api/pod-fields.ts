import * as z from "zod";
import { list, matching, opaque, prose, text, textMap, withCelRules } from "./fields.ts";
import { localReference } from "./references.ts";

const gpuSharingFields = z.strictObject({
  mode: z
    .enum(["exclusive", "shared", "partitioned"])
    .describe("The way in which a GPU is shared.")
    .default("exclusive"),
  profile: text().describe("The partition to request, for mode partitioned.").optional(),
  memoryLimitGiB: z.int32().min(1).describe("The GPU memory in GiB, for mode shared.").optional(),
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
    cpu: text().describe("The CPU to request, for example 2 or 500m.").optional(),
    memory: quantity()
      .describe("The memory to request. On Metal the estimate of the model is requested instead.")
      .optional(),
    memoryLimit: quantity()
      .describe("The most memory that a container may use. Not used on Metal: see hardware.memoryBudget of the Model.")
      .optional(),
    hostMemory: quantity()
      .describe("The host memory for layers and caches that stay off the GPU. Not used on Metal.")
      .optional(),
    ephemeralStorage: quantity().describe("The ephemeral storage to request.").optional(),
    gpu: z
      .int32()
      .min(0)
      .max(8)
      .describe("The number of GPUs for each replica. Not used on Metal: a Mac has one.")
      .optional(),
    gpuMemory: text().describe("The memory that each GPU must have. Not used on Metal.").optional(),
    gpuSharing: gpuSharingSchema.describe("How the GPU is shared with other workloads. Not used on Metal.").optional(),
  })
  .describe("The resources of one replica.");

const modelCacheSchema = withCelRules(
  z.strictObject({
    persistence: z
      .enum(["Cached", "Ephemeral"])
      .describe("Whether the weights are kept after the pod is gone.")
      .optional(),
    claimName: text()
      .min(1)
      .max(253)
      .describe("The name of the PersistentVolumeClaim to keep the weights in.")
      .optional(),
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

/** Fields of InferenceService.spec that configure pods and containers. Native processes on a Mac use few of them. */
export const podFields = {
  resources: resourcesSchema.optional(),
  image: text().describe("The container image. Not used on Metal, where servers run as native processes.").optional(),
  imagePullSecrets: list(localReference("The Secret for pulling the image."))
    .describe("The Secrets for pulling the image.")
    .optional(),
  command: list(prose()).describe("The command of the container. It is never run on Metal.").optional(),
  args: list(prose()).describe("The arguments of the container. Never used on Metal: see extraArgs.").optional(),
  env: list(opaque("core/v1 EnvVar"))
    .describe("The environment variables of the container. Not used on Metal.")
    .optional(),
  containerPort: z.int32().min(1).max(65_535).describe("The port that the container listens on.").optional(),
  bindAddress: text().describe("The address that the server listens on.").optional(),
  nodeSelector: textMap().describe("The labels that a node must have.").optional(),
  affinity: opaque("core/v1 Affinity").describe("The affinity rules of the pods.").optional(),
  tolerations: list(opaque("core/v1 Toleration")).describe("The taints that the pods tolerate.").optional(),
  topologySpreadConstraints: list(opaque("core/v1 TopologySpreadConstraint"))
    .describe("How the replicas are spread over nodes or zones.")
    .optional(),
  runtimeClassName: text().describe("The RuntimeClass of the pods. Not used on Metal.").optional(),
  priorityClassName: text()
    .describe("The PriorityClass of the pods. It replaces the one that priority selects.")
    .optional(),
  podAnnotations: textMap().describe("The annotations of the pods.").optional(),
  podLabels: textMap().describe("The labels of the pods.").optional(),
  podSecurityContext: opaque("core/v1 PodSecurityContext").describe("The security context of the pods.").optional(),
  securityContext: opaque("core/v1 SecurityContext").describe("The security context of the container.").optional(),
  probeOverrides: z
    .strictObject({
      startup: probe().describe("Replaces the startup probe.").optional(),
      liveness: probe().describe("Replaces the liveness probe.").optional(),
      readiness: probe().describe("Replaces the readiness probe.").optional(),
    })
    .describe("Probes that replace the runtime's own. Not used on Metal.")
    .optional(),
  extraVolumes: list(opaque("core/v1 Volume"))
    .describe("Additional volumes. They are never mounted on Metal.")
    .optional(),
  extraVolumeMounts: list(opaque("core/v1 VolumeMount")).describe("The mount points of extraVolumes.").optional(),
  modelCache: modelCacheSchema.describe("How the weights are cached in the cluster. Not used on Metal.").optional(),
  skipModelInit: z.boolean().describe("Whether pods skip the init container that fetches the weights.").optional(),
  pagedSSDCacheDir: text().describe("The folder for a KV cache on disk.").optional(),
  pagedSSDCacheMaxSize: text().describe("The largest size of the KV cache on disk.").optional(),
  hotCacheMaxSize: text()
    .describe("The largest size of the KV cache in memory that is used before the one on disk.")
    .optional(),
  turboQuantBits: z
    .literal([3, 6, 8])
    .meta({ format: "int32" })
    .describe("The number of bits of each cached value with TurboQuant. Not used on Metal.")
    .optional(),
  maxPodLifetimeSeconds: z.int().min(1).describe("The age in seconds at which a pod is replaced.").optional(),
  maxPodLifetimeIdleTimeoutSeconds: z
    .int()
    .min(0)
    .describe("How long a pod that is due for replacement waits for its requests to end, in seconds.")
    .optional(),
};
