import { readFileSync } from "node:fs";
import { copyFile, truncate } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod";
import type { GgufHeader } from "../../gguf/header.ts";
import { readHeader } from "../../gguf/read.ts";
import { type Backend, CACHE_TYPES, type EstimateSettings } from "../../memory/estimate/types.ts";

const TRUTH = join(import.meta.dirname, "../fixtures/truth");

const caseSchema = z.object({
  contextSize: z.number(),
  parallel: z.number(),
  kvUnified: z.boolean(),
  ubatch: z.number(),
  cacheTypeK: z.enum(CACHE_TYPES),
  cacheTypeV: z.enum(CACHE_TYPES),
  flashAttention: z.boolean(),
  kv: z.array(z.object({ mib: z.number() })),
  recurrentMiB: z.number(),
  computeCpuMiB: z.number().nullable(),
  computeMetalDeviceMiB: z.number().nullable(),
  computeMetalHostMiB: z.number().nullable(),
});

const truthSchema = z.record(
  z.string(),
  z.object({ architecture: z.string(), fileBytes: z.number(), tensorBytes: z.number(), cases: z.array(caseSchema) }),
);

/** One measured case of test/fixtures/truth, sizes in MiB. */
export type MeasuredCase = z.infer<typeof caseSchema>;
export type Truth = z.infer<typeof truthSchema>;

/** Synchronous: mocha builds its tables of cases while it loads a file. */
export function readTruth(): Truth {
  return truthSchema.parse(JSON.parse(readFileSync(join(TRUTH, "truth.json"), "utf8")));
}

/** A sparse file with the model's real header and size, which readers and llama.cpp take for the real one. */
export async function writeSynthetic(truth: Truth, model: string, folder: string): Promise<string> {
  const path = join(folder, `${model}.gguf`);
  await copyFile(join(TRUTH, `${model}.gguf.header`), path);
  await truncate(path, truth[model]?.fileBytes);
  return path;
}

export async function headerOf(path: string): Promise<GgufHeader> {
  const header = await readHeader(path);
  if (!header.ok) throw new Error(header.error);
  return header.value;
}

/** The settings that a case was measured with: the weights are mapped, the batch has 2,048 tokens. */
export function settingsOf(measured: MeasuredCase, backend: Backend): EstimateSettings {
  return {
    contextSize: measured.contextSize,
    parallel: measured.kvUnified ? "auto" : measured.parallel,
    cacheTypeK: measured.cacheTypeK,
    cacheTypeV: measured.cacheTypeV,
    flashAttention: measured.flashAttention,
    batchSize: 2048,
    ubatchSize: measured.ubatch,
    backend,
  };
}
