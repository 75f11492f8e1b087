import * as z from "zod";
import { conditionList, lastUpdated } from "./conditions.ts";
import { GROUP_VERSION } from "./constants.ts";
import { list, matching, opaque, text, time } from "./fields.ts";
import { hardwareSchema } from "./hardware.ts";
import { metadataSchema } from "./metadata.ts";
import { localReference } from "./references.ts";

/**
 * A URL, an absolute path, or the name of a repository. `\s` is spelt out, because it covers fewer characters in Go
 * than in JavaScript.
 */
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
        "The location of the weights: a URL (https, http, file, hf, s3, pvc), an absolute path on the node, or the name of a" +
          " Hugging Face repository.",
      ),
    sha256: matching(/^[a-fA-F0-9]{64}$/, "a SHA-256 in 64 hexadecimal digits")
      .describe("The SHA-256 of the weights, in hexadecimal digits. Weights that do not match are not served.")
      .optional(),
    sourceSecretRef: localReference("The Secret with the credentials for source.").optional(),
    refreshPolicy: z
      .enum(["IfNotPresent", "OnChange"])
      .describe("Whether weights that are already on disk are fetched again when the source changes.")
      .default("IfNotPresent"),
    prefetch: z.boolean().describe("Whether to fetch the weights before anything serves them.").optional(),
    prefetchTolerations: list(opaque("core/v1 Toleration"))
      .describe("The tolerations of the pods that prefetch the weights.")
      .optional(),
    format: z
      .enum(["gguf", "mlx", "safetensors", "pytorch", "custom"])
      .describe("The file format of the weights.")
      .default("gguf"),
    quantization: text()
      .describe("The quantization of the weights, for example Q4_K_M. It is informational and is not checked.")
      .optional(),
    files: list(text()).describe("The files to fetch if source names a folder or a repository.").optional(),
    mmproj: text()
      .describe(
        "The location of the multimodal projector that belongs to the weights. It takes the same forms as source.",
      )
      .optional(),
    resources: z
      .strictObject({
        cpu: text().describe("The CPU to request, for example 2 or 500m.").optional(),
        memory: text()
          .describe("The memory to request, for example 4Gi. The limit is hardware.memoryBudget.")
          .optional(),
      })
      .describe("The resources that the model requests.")
      .optional(),
    hardware: hardwareSchema.optional(),
  })
  .meta({ expected: "an object with source" })
  .describe("The desired state of the model.");

const ggufSchema = z
  .strictObject({
    architecture: text().describe("The architecture, for example llama or gemma3.").optional(),
    modelName: text().describe("The name of the model in the header.").optional(),
    quantization: text().describe("The quantization of the tensors.").optional(),
    contextLength: z.int().describe("The context window that the model was trained with, in tokens.").optional(),
    embeddingSize: z.int().describe("The embedding length: the width of the hidden state.").optional(),
    layerCount: z.int().describe("The number of layers.").optional(),
    headCount: z.int().describe("The number of attention heads.").optional(),
    tensorCount: z.int().describe("The number of tensors in the file.").optional(),
    fileVersion: z.int32().describe("The version of the GGUF format.").optional(),
    license: text().describe("The license that the header names.").optional(),
  })
  .describe("The metadata in the header of the GGUF file.");

export const modelStatusSchema = z
  .strictObject({
    phase: z
      .enum(["Pending", "Downloading", "Copying", "Ready", "Failed"])
      .describe("The phase of the weights.")
      .optional(),
    size: text().describe("The size of the weights.").optional(),
    path: text().describe("The path of the weights on disk.").optional(),
    cacheKey: text().describe("The key of the weights in the cache.").optional(),
    sha256: text().describe("The SHA-256 of the weights that were fetched.").optional(),
    stagedFiles: list(text()).describe("The files that have been fetched.").optional(),
    sourceETag: text().describe("The ETag of the source at the last check.").optional(),
    sourceContentLength: z.int().describe("The length of the source in bytes at the last check.").optional(),
    lastRevalidated: time().describe("When the source was last checked for a change.").optional(),
    acceleratorReady: z.boolean().describe("Whether the accelerator that the model needs is available.").optional(),
    gguf: ggufSchema.optional(),
    lastUpdated: lastUpdated().optional(),
    conditions: conditionList().optional(),
  })
  .describe("The observed state of the model. Controllers write it.");

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
