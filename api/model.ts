import * as z from "zod";
import { conditionList, lastUpdated } from "./conditions.ts";
import { GROUP_VERSION } from "./constants.ts";
import { list, matching, opaque, text, time } from "./fields.ts";
import { hardwareSchema } from "./hardware.ts";
import { metadataSchema } from "./metadata.ts";
import { localReference } from "./references.ts";

/** URL, absolute path, or name of a repository. `\s` is spelt out because Go knows fewer kinds of space than JavaScript. */
const SOURCE = /^(https?|file|pvc|hf|s3):\/\/.*|^\/[^\t\n\f\r ]+$|^[a-zA-Z0-9][\w\-./]+$/;

export const modelSpecSchema = z
  .strictObject({
    source: z
      .string()
      .max(16_384, { abort: true })
      .regex(SOURCE)
      .meta({
        expected:
          "a URL (https, http, file, hf, s3 or pvc), an absolute path without spaces or the name of a repository",
        example: "hf://org/repo/model.gguf",
      })
      .describe(
        "Where the weights are: a URL (https, http, file, hf, s3, pvc), an absolute path on the node, or the name of a" +
          " Hugging Face repository.",
      ),
    sha256: matching(/^[a-fA-F0-9]{64}$/, "a SHA-256 in 64 hexadecimal digits")
      .describe("SHA-256 of the weights in hexadecimal digits; what does not match is not served.")
      .optional(),
    sourceSecretRef: localReference("Secret with the credentials for source.").optional(),
    refreshPolicy: z
      .enum(["IfNotPresent", "OnChange"])
      .describe("Whether weights that are on disk already are fetched again when the source changes.")
      .default("IfNotPresent"),
    prefetch: z.boolean().describe("Whether to fetch the weights before anything serves them.").optional(),
    prefetchTolerations: list(opaque("core/v1 Toleration"))
      .describe("Tolerations of the pods that prefetch.")
      .optional(),
    format: z
      .enum(["gguf", "mlx", "safetensors", "pytorch", "custom"])
      .describe("File format of the weights.")
      .default("gguf"),
    quantization: text()
      .describe("Quantization of the weights, for example Q4_K_M; for people, not checked.")
      .optional(),
    files: list(text()).describe("Files to fetch where source names a folder or a repository.").optional(),
    mmproj: text().describe("Multimodal projector that belongs to the weights, located as source is.").optional(),
    resources: z
      .strictObject({
        cpu: text().describe("CPU to request, for example 2 or 500m.").optional(),
        memory: text().describe("Memory to request, for example 4Gi. The limit is hardware.memoryBudget.").optional(),
      })
      .describe("Resources that the model asks for.")
      .optional(),
    hardware: hardwareSchema.optional(),
  })
  .meta({ expected: "an object with source" })
  .describe("The model that is wanted.");

const ggufSchema = z
  .strictObject({
    architecture: text().describe("Architecture, for example llama or gemma3.").optional(),
    modelName: text().describe("Name that the header gives the model.").optional(),
    quantization: text().describe("Quantization of the tensors.").optional(),
    contextLength: z.int().describe("Context that the model was trained with, in tokens.").optional(),
    embeddingSize: z.int().describe("Width of the hidden state.").optional(),
    layerCount: z.int().describe("Layers.").optional(),
    headCount: z.int().describe("Attention heads.").optional(),
    tensorCount: z.int().describe("Tensors in the file.").optional(),
    fileVersion: z.int32().describe("Version of the GGUF format.").optional(),
    license: text().describe("License that the header names.").optional(),
  })
  .describe("What the header of a GGUF file says.");

export const modelStatusSchema = z
  .strictObject({
    phase: z
      .enum(["Pending", "Downloading", "Copying", "Ready", "Failed"])
      .describe("How far the weights are on their way.")
      .optional(),
    size: text().describe("Size of the weights.").optional(),
    path: text().describe("Where the weights lie on disk.").optional(),
    cacheKey: text().describe("Key of the weights in the cache.").optional(),
    sha256: text().describe("SHA-256 of the weights as they were fetched.").optional(),
    stagedFiles: list(text()).describe("Files that are in place.").optional(),
    sourceETag: text().describe("ETag of the source when it was last asked.").optional(),
    sourceContentLength: z.int().describe("Length of the source in bytes when it was last asked.").optional(),
    lastRevalidated: time().describe("When the source was last asked whether it changed.").optional(),
    acceleratorReady: z.boolean().describe("Whether the accelerator that the model needs was found.").optional(),
    gguf: ggufSchema.optional(),
    lastUpdated: lastUpdated().optional(),
    conditions: conditionList().optional(),
  })
  .describe("The model as it was found; written by controllers.");

export const modelSchema = z.strictObject({
  apiVersion: z.literal(GROUP_VERSION),
  kind: z.literal("Model"),
  metadata: metadataSchema,
  spec: modelSpecSchema,
  status: modelStatusSchema.optional(),
});

/** A parsed manifest: every default is applied. */
export type Model = z.output<typeof modelSchema>;
export type ModelSpec = z.output<typeof modelSpecSchema>;
export type ModelStatus = z.output<typeof modelStatusSchema>;
/** What a person writes: fields with a default may be left out. */
export type ModelInput = z.input<typeof modelSchema>;
export type ModelSpecInput = z.input<typeof modelSpecSchema>;
