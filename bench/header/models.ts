import { stat } from "node:fs/promises";
import { join } from "node:path";
import { type WriterModel, writeGgufFile } from "../../test/support/gguf-writer.ts";

export interface BenchModel {
  readonly name: string;
  readonly path: string;
  /** Size of the file, which is sparse: only the header is stored. */
  readonly fileBytes: number;
}

const ARCHITECTURE = "llama";
const LAYERS = 32;
const Q4_K = 12;
const EMBEDDING = 4096;
const SHAPES: readonly (readonly [name: string, shape: readonly number[]])[] = [
  ["attn_q", [EMBEDDING, EMBEDDING]],
  ["attn_k", [EMBEDDING, EMBEDDING / 4]],
  ["attn_v", [EMBEDDING, EMBEDDING / 4]],
  ["attn_output", [EMBEDDING, EMBEDDING]],
  ["ffn_gate", [EMBEDDING, 14_336]],
  ["ffn_up", [EMBEDDING, 14_336]],
  ["ffn_down", [14_336, EMBEDDING]],
];

/** Writes files with vocabularies like those of current models: number and length of tokens, and merges. */
export async function writeModels(folder: string): Promise<readonly BenchModel[]> {
  const models: BenchModel[] = [];
  for (const [name, tokens, merges] of [
    ["warm-up", 10, 10],
    ["128k tokens", 128_256, 280_147],
    ["201k tokens and merges", 201_088, 446_189],
  ] as const) {
    const path = join(folder, `${tokens}.gguf`);
    await writeGgufFile(path, modelOf(tokens, merges));
    models.push({ name, path, fileBytes: (await stat(path)).size });
  }
  return models;
}

function modelOf(tokens: number, merges: number): WriterModel {
  const layers = Array.from({ length: LAYERS }, (_, layer) =>
    SHAPES.map(([name, shape]) => ({ name: `blk.${layer}.${name}.weight`, shape, type: Q4_K })),
  );
  return {
    metadata: {
      "general.architecture": ARCHITECTURE,
      [`${ARCHITECTURE}.block_count`]: LAYERS,
      [`${ARCHITECTURE}.embedding_length`]: EMBEDDING,
      "tokenizer.ggml.model": "gpt2",
      "tokenizer.ggml.tokens": Array.from({ length: tokens }, (_, index) => word(index)),
      "tokenizer.ggml.token_type": Array.from({ length: tokens }, () => 1),
      "tokenizer.ggml.merges": Array.from({ length: merges }, (_, index) => `${word(index)} ${word(index * 7)}`),
    },
    tensors: [{ name: "token_embd.weight", shape: [EMBEDDING, tokens], type: Q4_K }, ...layers.flat()],
  };
}

/** Two to ten letters, as byte-pair tokens mostly have. */
function word(index: number): string {
  return ((index * 2_654_435_761) % 2 ** 32).toString(36).slice(0, 2 + (index % 7));
}
