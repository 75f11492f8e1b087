import * as z from "zod";
import { list, matching, text, withCelRules } from "./fields.ts";
import { memoryBudgetSchema } from "./memory-budget.ts";

const RESOURCE_NAME = /^[a-z0-9.-]+\/[a-z0-9._-]+$/;
const RESOURCE_NAME_EXPECTED = "a name with a domain, such as nvidia.com/gpu";

const resourceClaimSchema = z
  .strictObject({
    name: text().describe("Name of the claim within the pod."),
    resourceClaimName: text().describe("An existing ResourceClaim in the same namespace.").optional(),
    resourceClaimTemplateName: text().describe("A ResourceClaimTemplate to make one claim a pod of.").optional(),
  })
  .describe("A device claim of dynamic resource allocation.");

const resourceClaimsSchema = withCelRules(z.array(resourceClaimSchema).max(16), [
  {
    cel: "self.all(c, has(c.resourceClaimName) != has(c.resourceClaimTemplateName))",
    holds: (claims) =>
      claims.every(
        (claim) => (claim.resourceClaimName === undefined) !== (claim.resourceClaimTemplateName === undefined),
      ),
    message: "each claim needs either resourceClaimName or resourceClaimTemplateName",
  },
]);

const shardingSchema = z.strictObject({
  strategy: z
    .enum(["layer", "tensor", "row", "pipeline", "none"])
    .describe("What is divided among the GPUs.")
    .default("layer"),
  layerSplit: list(text()).describe("Ranges of layers, one a GPU, for example 0-19.").optional(),
});

const gpuFields = z.strictObject({
  enabled: z.boolean().describe("Whether a GPU is asked for.").optional(),
  count: z.int32().min(0).max(8).describe("GPUs a replica. Not used on Metal, which has one.").optional(),
  memory: text().describe("Memory a GPU must have, for example 16Gi. Not used on Metal: see memoryBudget.").optional(),
  vendor: z.enum(["nvidia", "amd", "intel"]).describe("Who made the GPU. Not used on Metal.").default("nvidia"),
  layers: z.int32().min(-1).describe("Layers to keep on the GPU; -1 means all of them.").optional(),
  runtime: z.enum(["vulkan", "rocm"]).describe("Runtime for AMD GPUs. Not used on Metal.").optional(),
  resourceName: matching(RESOURCE_NAME, RESOURCE_NAME_EXPECTED)
    .describe("Extended resource to request in place of the vendor's own. Not used on Metal.")
    .optional(),
  tolerationKey: matching(RESOURCE_NAME, RESOURCE_NAME_EXPECTED)
    .describe("Key of the taint on GPU nodes to tolerate. Not used on Metal.")
    .optional(),
  resourceClaims: resourceClaimsSchema
    .describe("Device claims to attach in place of an extended resource. Not used on Metal.")
    .optional(),
  sharding: shardingSchema.describe("How a model is divided among several GPUs. Not used on Metal.").optional(),
});

const gpuSchema = withCelRules(gpuFields, [
  {
    cel: "!(has(self.resourceName) && has(self.resourceClaims) && self.resourceClaims.size() > 0)",
    holds: (gpu) => gpu.resourceName === undefined || (gpu.resourceClaims ?? []).length === 0,
    message: "resourceName and resourceClaims exclude each other",
  },
]);

/** `Model.spec.hardware`: where a model runs, and the memory it may have there. */
export const hardwareSchema = z
  .strictObject({
    accelerator: z
      .enum(["cpu", "metal", "cuda", "rocm", "intel", "vulkan"])
      .describe("What the model computes on; metal is the GPU of a Mac.")
      .default("cpu"),
    memoryBudget: memoryBudgetSchema
      .describe(
        "Memory that this model may use on a node, all of it counted: weights, context and buffers. A Kubernetes quantity" +
          " of bytes above 0, for example 24Gi. Wins over memoryFraction.",
      )
      .optional(),
    memoryFraction: z
      .number()
      .gt(0)
      .lte(1)
      .meta({ example: 0.75 })
      .describe(
        "Share of the node's memory that this model may use, above 0 and at most 1, where no memoryBudget is set.",
      )
      .optional(),
    gpu: gpuSchema.describe("GPUs that the model needs.").optional(),
  })
  .describe("Where the model runs, and the memory it may have there.");
