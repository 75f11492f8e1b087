import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod";
import type { GgufHeader } from "../../gguf/header.ts";
import type { EstimateSettings } from "../../memory/estimate/types.ts";
import { type WriterModel, type WriterTensor, writeGguf } from "./gguf-writer.ts";
import type { TwinShape } from "./synthetic-shapes.ts";
import { headerOf } from "./truth-models.ts";

export const TWINS_FIXTURE = join(import.meta.dirname, "../fixtures/synthetic.json");

const measuredSchema = z.object({
  contextSize: z.number(),
  parallel: z.number(),
  ubatch: z.number(),
  flashAttention: z.boolean(),
  kvMiB: z.number(),
  recurrentMiB: z.number(),
  computeMiB: z.number(),
});
const twinsSchema = z.object({ llamaCpp: z.string(), models: z.record(z.string(), z.array(measuredSchema)) });

/** What llama-server printed for one run. */
export type Measured = z.infer<typeof measuredSchema>;
/** Settings that a twin is measured with; f16 cache, batch 2048, CPU. */
export type TwinRun = Pick<Measured, "contextSize" | "parallel" | "ubatch" | "flashAttention">;
export type Twins = z.infer<typeof twinsSchema>;

/** Synchronous: mocha builds its tables of cases while it loads a file. */
export function readTwins(): Twins {
  return twinsSchema.parse(JSON.parse(readFileSync(TWINS_FIXTURE, "utf8")));
}

/** A file of the shape with these tensors. */
export function twinModel(shape: TwinShape, tensors: readonly WriterTensor[] = []): WriterModel {
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
export async function twinHeader(shape: TwinShape, folder: string): Promise<GgufHeader> {
  const path = join(folder, "header.gguf");
  await writeFile(path, writeGguf(twinModel(shape)));
  return headerOf(path);
}

export function settingsOf(run: TwinRun): EstimateSettings {
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
