import * as z from "zod";
import { conditionList, lastUpdated } from "./conditions.ts";
import { GROUP_VERSION } from "./constants.ts";
import { text } from "./fields.ts";
import { llamaFields } from "./llama-fields.ts";
import { metadataSchema } from "./metadata.ts";
import { podFields } from "./pod-fields.ts";
import { personaPlexConfigSchema, sglangConfigSchema, tgiConfigSchema, vllmConfigSchema } from "./runtime-configs.ts";
import { serviceFields } from "./service-fields.ts";

export const inferenceServiceSpecSchema = z
  .strictObject({
    modelRef: text().meta({ example: "llama-3-8b" }).describe("Name of the Model to serve, in the same namespace."),
    runtime: z
      .enum(["llamacpp", "llamacpp-router", "personaplex", "vllm", "tgi", "sglang", "generic"])
      .describe("What serves the model; on Metal llamacpp, which is llama-server.")
      .default("llamacpp"),
    ...llamaFields,
    ...serviceFields,
    ...podFields,
    vllmConfig: vllmConfigSchema.optional(),
    sglangConfig: sglangConfigSchema.optional(),
    tgiConfig: tgiConfigSchema.optional(),
    personaPlexConfig: personaPlexConfigSchema.optional(),
  })
  .meta({ expected: "an object with modelRef" })
  .describe("The service that is wanted.");

const accelerationSchema = z
  .strictObject({
    device: text().describe("Device that computes.").optional(),
    layersOffloaded: z.int32().describe("Layers on that device.").optional(),
    layersTotal: z.int32().describe("Layers of the model.").optional(),
  })
  .describe("What computes the model.");

const gatewayStatusSchema = z
  .strictObject({
    endpoint: text().describe("URL through the gateway.").optional(),
    modelName: text().describe("Name of the model that requests are routed by.").optional(),
    routeReady: z.boolean().describe("Whether the gateway took the route.").optional(),
    authEnabled: z.boolean().describe("Whether the gateway asks for credentials.").optional(),
  })
  .describe("The route through a gateway.");

export const inferenceServiceStatusSchema = z
  .strictObject({
    phase: z
      .enum(["Pending", "Creating", "Progressing", "Ready", "WaitingForGPU", "Stopped", "Suspended", "Failed"])
      .describe("How far the service is on its way.")
      .optional(),
    mode: text().describe("What the server answers.").optional(),
    replicas: z.int32().describe("Replicas that exist.").optional(),
    readyReplicas: z.int32().describe("Replicas that answer requests.").optional(),
    desiredReplicas: z.int32().describe("Replicas that are wanted.").optional(),
    endpoint: text().describe("URL that clients use.").optional(),
    modelReady: z.boolean().describe("Whether the Model is ready to be served.").optional(),
    schedulingStatus: text()
      .describe("Why replicas do not run, as one word, for example InsufficientMemory.")
      .optional(),
    schedulingMessage: text().describe("Why replicas do not run, as a sentence.").optional(),
    queuePosition: z.int32().describe("Place in the queue for memory; 1 is next.").optional(),
    waitingFor: text().describe("What the service waits for.").optional(),
    effectivePriority: z.int32().describe("Number that priority stands for.").optional(),
    acceleration: accelerationSchema.optional(),
    gateway: gatewayStatusSchema.optional(),
    lastUpdated: lastUpdated().optional(),
    conditions: conditionList().optional(),
  })
  .describe("The service as it was found; written by controllers.");

export const inferenceServiceSchema = z.strictObject({
  apiVersion: z.literal(GROUP_VERSION),
  kind: z.literal("InferenceService"),
  metadata: metadataSchema,
  spec: inferenceServiceSpecSchema,
  status: inferenceServiceStatusSchema.optional(),
});

/** A parsed manifest: every default is applied. */
export type InferenceService = z.output<typeof inferenceServiceSchema>;
export type InferenceServiceSpec = z.output<typeof inferenceServiceSpecSchema>;
export type InferenceServiceStatus = z.output<typeof inferenceServiceStatusSchema>;
/** What a person writes: fields with a default may be left out. */
export type InferenceServiceInput = z.input<typeof inferenceServiceSchema>;
export type InferenceServiceSpecInput = z.input<typeof inferenceServiceSpecSchema>;
