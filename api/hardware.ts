import * as z from "zod";
import { list, matching, text, withCelRules } from "./fields.ts";
import { memoryBudgetSchema } from "./memory-budget.ts";

const RESOURCE_NAME = /^[a-z0-9.-]+\/[a-z0-9._-]+$/;
const RESOURCE_NAME_EXPECTED = "a name with a domain, such as nvidia.com/gpu";

const resourceClaimSchema = z
  .strictObject({
    name: text().describe("The name of the claim within the pod."),
    resourceClaimName: text().describe("The name of an existing ResourceClaim in the same namespace.").optional(),
    resourceClaimTemplateName: text()
      .describe("The name of a ResourceClaimTemplate from which each pod gets a claim of its own.")
      .optional(),
  })
  .describe("A claim for a device (dynamic resource allocation).");

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
    .describe("How the model is divided among the GPUs.")
    .default("layer"),
  layerSplit: list(text()).describe("One range of layers for each GPU, for example 0-19.").optional(),
});

const gpuFields = z.strictObject({
  enabled: z.boolean().describe("Whether the model needs a GPU.").optional(),
  count: z
    .int32()
    .min(0)
    .max(8)
    .describe("The number of GPUs for each replica. Not used on Metal: a Mac has one.")
    .optional(),
  memory: text()
    .describe("Memory that each GPU must have, for example 16Gi. Not used on Metal: see memoryBudget.")
    .optional(),
  vendor: z.enum(["nvidia", "amd", "intel"]).describe("Vendor of the GPU. Not used on Metal.").default("nvidia"),
  layers: z.int32().min(-1).describe("The number of layers to keep on the GPU; -1 means all layers.").optional(),
  runtime: z.enum(["vulkan", "rocm"]).describe("Runtime to use with an AMD GPU. Not used on Metal.").optional(),
  resourceName: matching(RESOURCE_NAME, RESOURCE_NAME_EXPECTED)
    .describe("Extended resource to request instead of the vendor's default. Not used on Metal.")
    .optional(),
  tolerationKey: matching(RESOURCE_NAME, RESOURCE_NAME_EXPECTED)
    .describe("Key of the taint of GPU nodes that pods tolerate. Not used on Metal.")
    .optional(),
  resourceClaims: resourceClaimsSchema
    .describe("Device claims to use instead of an extended resource. Not used on Metal.")
    .optional(),
  sharding: shardingSchema.describe("How the model is divided among several GPUs. Not used on Metal.").optional(),
});

const gpuSchema = withCelRules(gpuFields, [
  {
    cel: "!(has(self.resourceName) && has(self.resourceClaims) && self.resourceClaims.size() > 0)",
    holds: (gpu) => gpu.resourceName === undefined || (gpu.resourceClaims ?? []).length === 0,
    message: "resourceName and resourceClaims exclude each other",
  },
]);

/** `Model.spec.hardware`: what a model runs on, and the memory that it may use there. */
export const hardwareSchema = z
  .strictObject({
    accelerator: z
      .enum(["cpu", "metal", "cuda", "rocm", "intel", "vulkan"])
      .describe("The hardware that the model runs on; metal is the GPU of a Mac.")
      .default("cpu"),
    memoryBudget: memoryBudgetSchema
      .describe(
        "The most memory that this model may use on a node. Weights, KV cache and buffers all count. It is a Kubernetes quantity" +
          " of bytes above 0, for example 24Gi, and takes precedence over memoryFraction.",
      )
      .optional(),
    memoryFraction: z
      .number()
      .gt(0)
      .lte(1)
      .meta({ example: 0.75 })
      .describe(
        "The share of the node's memory that this model may use, above 0 and at most 1. It applies if memoryBudget is not set.",
      )
      .optional(),
    gpu: gpuSchema.describe("The GPUs that the model needs.").optional(),
  })
  .describe("The hardware that the model runs on, and the memory that it may use there.");
