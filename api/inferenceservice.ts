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
    modelRef: text()
      .meta({ example: "llama-3-8b" })
      .describe("The name of the Model to serve. It must be in the same namespace."),
    runtime: z
      .enum(["llamacpp", "llamacpp-router", "personaplex", "vllm", "tgi", "sglang", "generic"])
      .describe("The program that serves the model. On Metal it must be llamacpp, which is llama-server.")
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
  .describe("The desired state of the service.");

const accelerationSchema = z
  .strictObject({
    device: text().describe("The device that the model runs on.").optional(),
    layersOffloaded: z.int32().describe("The number of layers that are offloaded to the device.").optional(),
    layersTotal: z.int32().describe("The number of layers of the model.").optional(),
  })
  .describe("The device that runs the model, and how much of the model it runs.");

const gatewayStatusSchema = z
  .strictObject({
    endpoint: text().describe("The URL of the service behind the gateway.").optional(),
    modelName: text().describe("The model name by which requests are routed.").optional(),
    routeReady: z.boolean().describe("Whether the gateway has accepted the route.").optional(),
    authEnabled: z.boolean().describe("Whether the gateway requires authentication.").optional(),
  })
  .describe("The state of the route through a gateway.");

export const inferenceServiceStatusSchema = z
  .strictObject({
    phase: z
      .enum(["Pending", "Creating", "Progressing", "Ready", "WaitingForGPU", "Stopped", "Suspended", "Failed"])
      .describe("The phase of the service.")
      .optional(),
    mode: text().describe("The kind of requests that the server answers.").optional(),
    replicas: z.int32().describe("The number of replicas that exist.").optional(),
    readyReplicas: z.int32().describe("The number of replicas that answer requests.").optional(),
    selector: text().describe("The labels of the pods, for autoscalers: a label selector.").optional(),
    desiredReplicas: z.int32().describe("The number of replicas that are desired.").optional(),
    endpoint: text().describe("The URL that clients use.").optional(),
    modelReady: z.boolean().describe("Whether the Model is ready to be served.").optional(),
    schedulingStatus: text()
      .describe("Why replicas are not running: one word, for example InsufficientMemory.")
      .optional(),
    schedulingMessage: text().describe("Why replicas are not running: a sentence.").optional(),
    queuePosition: z.int32().describe("Position in the queue for memory; 1 is next.").optional(),
    waitingFor: text().describe("What the service is waiting for.").optional(),
    effectivePriority: z.int32().describe("The numeric value of spec.priority.").optional(),
    acceleration: accelerationSchema.optional(),
    gateway: gatewayStatusSchema.optional(),
    lastUpdated: lastUpdated().optional(),
    conditions: conditionList().optional(),
  })
  .describe("The observed state of the service. Controllers write it.");

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
