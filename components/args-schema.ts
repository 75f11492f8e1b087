import * as z from "zod";
import { matching } from "../api/fields.ts";
import { hardwareSchema } from "../api/hardware.ts";
import { inferenceServiceSpecSchema } from "../api/inferenceservice.ts";
import { metadataSchema } from "../api/metadata.ts";
import { modelSpecSchema } from "../api/model.ts";
import type { LlmModelArgs, Serving } from "./args.ts";

// Every field has the rule that api/ defines; only the arrangement is the component's.
const model = modelSpecSchema.shape;
const hardware = hardwareSchema.shape;
const gpu = hardware.gpu.unwrap().shape;
const service = inferenceServiceSpecSchema.shape;
const endpoint = service.endpoint.unwrap().shape;
const speculation = service.speculativeDecoding.unwrap().shape;
const metadata = metadataSchema.shape;

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
    draftModel: speculation.draftModelRef,
    draftTokens: speculation.nDraftMax,
    jinja: service.jinja,
    extraArgs: service.extraArgs,
  } satisfies Record<keyof Serving, z.ZodType>)
  .meta({ expected: "an object with the settings of the server" });

/** Arguments of `LlmModel` with all outputs resolved; a field that does not exist is an error. */
export const llmModelArgsSchema = z
  .strictObject({
    source: model.source,
    sha256: model.sha256,
    format: model.format.unwrap().optional(),
    quantization: model.quantization,
    mmproj: model.mmproj,
    memoryBudget: hardware.memoryBudget,
    memoryFraction: hardware.memoryFraction,
    accelerator: hardware.accelerator.unwrap().optional(),
    gpuLayers: gpu.layers,
    serving: servingSchema.optional(),
    name: metadata.name.optional(),
    namespace: metadata.namespace.unwrap().optional(),
    labels: metadata.labels,
    annotations: metadata.annotations,
    endpointHost: matching(/^[A-Za-z0-9.:[\]-]{1,253}$/, "a host name or an IP address, such as 127.0.0.1").optional(),
  } satisfies Record<keyof LlmModelArgs, z.ZodType>)
  .meta({ expected: "an object with source" });
