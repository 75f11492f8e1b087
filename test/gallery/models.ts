import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type WriterModel, writeGguf, writeGgufFile } from "../support/gguf-writer.ts";
import { llamaTensors } from "../support/llama-tensors.ts";
import { readTruth, writeSynthetic } from "../support/truth-models.ts";

/** Published models: their real headers, and holes for their weights. */
const PUBLISHED = [
  "llama3.2-1b",
  "llama3.1-8b",
  "phi3-mini-4k",
  "qwen3-8b",
  "qwen3-30b-a3b",
  "gpt-oss-20b",
  "gemma3-12b",
];

const PLAIN = {
  "general.architecture": "llama",
  "llama.block_count": 1,
  "llama.context_length": 4096,
  "llama.embedding_length": 64,
  "llama.feed_forward_length": 128,
  "llama.attention.head_count": 1,
};
const TENSORS = llamaTensors(1);

const WRITTEN: Readonly<Record<string, WriterModel>> = {
  "q4_1.gguf": { metadata: { ...PLAIN, "general.file_type": 3 }, tensors: TENSORS },
  "non-commercial.gguf": { metadata: { ...PLAIN, "general.license": "cc-by-nc-4.0" }, tensors: TENSORS },
  "vocab-only.gguf": { metadata: { ...PLAIN, "tokenizer.ggml.model": "llama" } },
  "no-layers.gguf": { metadata: { "general.architecture": "llama", "llama.context_length": 4096 }, tensors: TENSORS },
  "tomorrow.gguf": { metadata: { ...PLAIN, "general.architecture": "tomorrow" }, tensors: TENSORS },
  "mmproj.gguf": {
    metadata: {
      "general.architecture": "clip",
      "clip.vision.block_count": 2,
      "clip.vision.embedding_length": 1152,
      "clip.vision.feed_forward_length": 4304,
      "clip.vision.attention.head_count": 16,
      "clip.vision.image_size": 896,
      "clip.vision.patch_size": 14,
      "clip.vision.projector_type": "gemma3",
    },
    tensors: [{ name: "v.patch_embd.weight", shape: [4096, 51_200], type: 0 }],
  },
};

/** Fills a folder with what the stacks of the gallery name as /models. */
export async function writeModels(folder: string): Promise<void> {
  const truth = readTruth();
  for (const model of PUBLISHED) await writeSynthetic(truth, model, folder);
  for (const [name, model] of Object.entries(WRITTEN)) await writeGgufFile(join(folder, name), model);
  await writeFile(join(folder, "page.gguf"), "<!doctype html><title>Sign in</title>".repeat(20));
  await writeFile(
    join(folder, "cut-short.gguf"),
    writeGguf({ metadata: PLAIN, tensors: TENSORS.slice(0, 1) }).subarray(0, 90),
  );
}
