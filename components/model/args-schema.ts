import * as z from "zod";
import { list, text } from "../../api/fields.ts";
import { hardwareSchema } from "../../api/hardware.ts";
import { inferenceServiceSpecSchema } from "../../api/inferenceservice.ts";
import { memoryBudgetSchema } from "../../api/memory-budget.ts";
import { MAX_ANNOTATIONS_BYTES, metadataKeySchema, metadataSchema } from "../../api/metadata.ts";
import { modelSpecSchema } from "../../api/model.ts";
import { HOST_EXPECTED, isHost } from "../../serving/endpoint-host.ts";
import { GATEWAY_EXPECTED, parseGateway } from "../../serving/gateway-address.ts";
import type { LlmModelArgs, Serving } from "./args.ts";

// Every field has the rule that api/ defines; only the arrangement is the component's.
const model = modelSpecSchema.shape;
const hardware = hardwareSchema.shape;
const gpu = hardware.gpu.unwrap().shape;
const service = inferenceServiceSpecSchema.shape;
const endpoint = service.endpoint.unwrap().shape;
const speculation = service.speculativeDecoding.unwrap().shape;
const metadata = metadataSchema.shape;

const labels = z.record(metadataKeySchema, metadata.labels.unwrap().valueType);
const annotations = z
  .record(metadataKeySchema, metadata.annotations.unwrap().valueType)
  .refine(
    (given) => Buffer.byteLength(Object.entries(given).flat().join("")) <= MAX_ANNOTATIONS_BYTES,
    `they must have at most ${MAX_ANNOTATIONS_BYTES} bytes together, keys counted`,
  );

const HOST_ALONE = `it must be ${HOST_EXPECTED}; scheme, port (serving.port) and path are added to it`;

export const servingSchema = z
  .strictObject({
    contextSize: service.contextSize,
    parallelSlots: service.parallelSlots,
    cacheTypeK: service.cacheTypeK,
    cacheTypeV: service.cacheTypeV,
    flashAttention: service.flashAttention,
    batchSize: service.batchSize,
    uBatchSize: service.uBatchSize,
    replicas: service.replicas.unwrap().optional(),
    priority: service.priority.unwrap().optional(),
    evictionProtection: service.evictionProtection,
    port: endpoint.port.unwrap().optional(),
    draftModel: metadata.name.optional(),
    draftTokens: speculation.nDraftMax,
    jinja: service.jinja,
    extraArgs: service.extraArgs,
    // Rules of their own judge these: see on-demand.ts.
    idleUnload: text().optional(),
    aliases: list(text()).optional(),
    promptCache: text().optional(),
    savedSlots: text().optional(),
  } satisfies Record<keyof Serving, z.ZodType>)
  .meta({ expected: "an object with the settings of the server" });

function isGateway(text: string): boolean {
  return parseGateway(text).ok;
}

/** Arguments of `LlmModel` with all outputs resolved; a field that does not exist is an error. */
export const llmModelArgsSchema = z
  .strictObject({
    source: model.source.optional(),
    modelRef: metadata.name.optional(),
    sha256: model.sha256,
    format: model.format.unwrap().optional(),
    quantization: model.quantization.unwrap().min(1).optional(),
    mmproj: model.source.optional(),
    memoryBudget: hardware.memoryBudget,
    memoryFraction: hardware.memoryFraction,
    accelerator: hardware.accelerator.unwrap().optional(),
    gpuLayers: gpu.layers,
    serving: servingSchema.optional(),
    modelSpec: z.record(z.string(), z.unknown()).optional(),
    serviceSpec: z.record(z.string(), z.unknown()).optional(),
    estimate: z.boolean().optional(),
    hostMemory: memoryBudgetSchema.meta({ example: "128Gi" }).optional(),
    waitForReady: z.boolean().optional(),
    readyTimeoutSeconds: z.int().min(1).max(86_400).optional(),
    name: metadata.name.optional(),
    namespace: metadata.namespace.unwrap().optional(),
    labels: labels.optional(),
    annotations: annotations.optional(),
    endpointHost: text().refine(isHost, HOST_ALONE).meta({ expected: HOST_EXPECTED }).optional(),
    gateway: text().refine(isGateway, `it must be ${GATEWAY_EXPECTED}`).meta({ expected: GATEWAY_EXPECTED }).optional(),
  } satisfies Record<keyof LlmModelArgs, z.ZodType>)
  .meta({ expected: "an object with source" });

/** Arguments of `LlmModel` as far as they are known; each that is there has passed the schema. */
export type KnownArgs = Partial<z.output<typeof llmModelArgsSchema>>;
