import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { readHeader } from "../../gguf/read.ts";
import { estimate } from "../../memory/estimate/estimate.ts";
import type { Estimate, EstimateSettings } from "../../memory/estimate/types.ts";
import { type WriterValue, writeGguf } from "./gguf-writer.ts";
import { SETTINGS } from "./settings.ts";
import { temporaryDirectory } from "./workspace.ts";

export type Keys = Readonly<Record<string, WriterValue>>;

/** 4 heads of 32, of which 2 own keys and values: a layer's token is 2 x 32 x (K + V) x 2 bytes = 256 bytes. */
export const TOKEN = 256;
const BASE: Keys = {
  context_length: 8192,
  embedding_length: 128,
  feed_forward_length: 256,
  "attention.head_count": 4,
  "attention.head_count_kv": 2,
};

/** Window of 512: pad256(512 + ubatch 512) = 1024 cells. */
export const WINDOW: Keys = { "attention.sliding_window": 512 };
/** Cells of a layer with full attention, in the settings of these tests. */
export const FULL = 4096;

/** The estimate of a small model of this architecture, without tensors. */
export async function estimatedSmall(
  architecture: string,
  layers: number,
  keys: Keys,
  settings: EstimateSettings = SETTINGS,
): Promise<Estimate> {
  const own = Object.entries({ ...BASE, block_count: layers, ...keys });
  const metadata = Object.fromEntries(own.map(([key, value]) => [`${architecture}.${key}`, value]));
  const path = join(await temporaryDirectory(), "model.gguf");
  await writeFile(path, writeGguf({ metadata: { "general.architecture": architecture, ...metadata } }));
  const header = await readHeader(path);
  assert.ok(header.ok, JSON.stringify(header));
  const answer = estimate(header.value, settings);
  assert.ok(answer.ok, JSON.stringify(answer));
  return answer.value;
}
