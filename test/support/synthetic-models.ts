import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod";
import type { GgufHeader } from "../../gguf/header.ts";
import type { EstimateSettings } from "../../memory/estimate/types.ts";
import { type WriterModel, type WriterTensor, writeGguf } from "./gguf-writer.ts";
import type { SyntheticShape } from "./synthetic-shapes.ts";
import { headerOf } from "./truth-models.ts";

export const SYNTHETIC_FIXTURE = join(import.meta.dirname, "../fixtures/synthetic.json");

const measuredSchema = z.object({
  contextSize: z.number(),
  parallel: z.number(),
  ubatch: z.number(),
  flashAttention: z.boolean(),
  kvMiB: z.number(),
  recurrentMiB: z.number(),
  computeMiB: z.number(),
  /** Where it was measured with another llama.cpp than the cases without it. */
  llamaCpp: z.string().optional(),
});
const syntheticSchema = z.object({ llamaCpp: z.string(), models: z.record(z.string(), z.array(measuredSchema)) });

/** What llama-server printed for one run. */
export type Measured = z.infer<typeof measuredSchema>;
/** settings that a synthetic model is measured with; f16 cache, batch 2048, CPU. */
export type SyntheticRun = Pick<Measured, "contextSize" | "parallel" | "ubatch" | "flashAttention">;
export type SyntheticCases = z.infer<typeof syntheticSchema>;

/** Synchronous: mocha builds its tables of cases while it loads a file. */
export function readSynthetic(): SyntheticCases {
  return syntheticSchema.parse(JSON.parse(readFileSync(SYNTHETIC_FIXTURE, "utf8")));
}

/** A file of the shape with these tensors. */
export function syntheticModel(shape: SyntheticShape, tensors: readonly WriterTensor[] = []): WriterModel {
  const { architecture, keys } = shape;
  const own = Object.entries(keys).map(([key, value]) => [
    /^(tokenizer|xielu)\./.test(key) ? key : `${architecture}.${key}`,
    value,
  ]);
  const metadata = {
    "general.architecture": architecture,
    "tokenizer.ggml.model": "none",
    ...Object.fromEntries(own),
  };
  return { metadata, tensors };
}

/** The header that the estimate reads. `folder` takes one file of it. */
export async function syntheticHeader(shape: SyntheticShape, folder: string): Promise<GgufHeader> {
  const path = join(folder, "header.gguf");
  await writeFile(path, writeGguf(syntheticModel(shape)));
  return headerOf(path);
}

export function settingsOf(run: SyntheticRun): EstimateSettings {
  return {
    contextSize: run.contextSize,
    parallel: run.parallel,
    cacheTypeK: "f16",
    cacheTypeV: "f16",
    flashAttention: run.flashAttention,
    batchSize: 2048,
    ubatchSize: run.ubatch,
    backend: "cpu",
  };
}
