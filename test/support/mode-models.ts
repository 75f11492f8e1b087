import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as z from "zod";
import { CACHE_TYPES, type EstimateSettings, MODES, POOLINGS } from "../../memory/estimate/types.ts";
import { type WriterModel, type WriterTensor, writeGguf } from "./gguf-writer.ts";
import { head, type Keys, real } from "./synthetic-shapes/shape.ts";

export const MODES_FIXTURE = join(import.meta.dirname, "../fixtures/modes.json");

const runSchema = z.object({
  model: z.string(),
  mode: z.enum(MODES),
  pooling: z.enum(POOLINGS).optional(),
  contextSize: z.number(),
  parallel: z.union([z.number(), z.literal("auto")]),
  batchSize: z.union([z.number(), z.literal("auto")]),
  ubatchSize: z.union([z.number(), z.literal("auto")]),
  flashAttention: z.boolean(),
  cacheType: z.enum(CACHE_TYPES),
});
const measuredSchema = runSchema.extend({
  computeMiB: z.number(),
  /** Weights, context and compute, as the server's table of its memory adds them up before it loads. */
  projectedMiB: z.number(),
  /** Anonymous memory of the process at its peak, after one input in each slot that is as long as the slot. */
  footprintMiB: z.number(),
  answeredTokens: z.number(),
});
const fixtureSchema = z.object({ llamaCpp: z.string(), cases: z.array(measuredSchema) });

/** A llama-server on the CPU with what the agent gives it. */
export type ModeRun = z.infer<typeof runSchema>;
export type MeasuredMode = z.infer<typeof measuredSchema>;

/** Synchronous: mocha builds its tables of cases while it loads a file. */
export function readModes(): z.infer<typeof fixtureSchema> {
  return fixtureSchema.parse(JSON.parse(readFileSync(MODES_FIXTURE, "utf8")));
}

export function modeSettings(run: ModeRun): EstimateSettings {
  const { contextSize, parallel, batchSize, ubatchSize, flashAttention, mode, pooling, cacheType } = run;
  return {
    ...{ contextSize, parallel, batchSize, ubatchSize, flashAttention, mode },
    ...{ cacheTypeK: cacheType, cacheTypeV: cacheType, backend: "cpu", loadMode: "none" },
    ...(pooling !== undefined && { pooling }),
  };
}

const F16 = 1;

function matrix(name: string, ...shape: readonly number[]): WriterTensor {
  return { name: `${name}.weight`, shape, type: F16 };
}

function vector(name: string, length: number): WriterTensor {
  return { name, shape: [length] };
}

function layered(layers: number, of: (name: (part: string) => string) => readonly WriterTensor[]): WriterTensor[] {
  return Array.from({ length: layers }, (_, layer) => of((part) => `blk.${layer}.${part}`)).flat();
}

interface Size {
  readonly layers: number;
  readonly embedding: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headWidth: number;
  readonly feedForward: number;
  readonly vocabulary: number;
}

function model(architecture: string, size: Size, keys: Keys, tensors: readonly WriterTensor[]): WriterModel {
  const own: Keys = {
    block_count: size.layers,
    context_length: 32768,
    embedding_length: size.embedding,
    "attention.head_count": size.heads,
    "attention.head_count_kv": size.kvHeads,
    feed_forward_length: size.feedForward,
    vocab_size: size.vocabulary,
    "attention.layer_norm_rms_epsilon": real(1e-5),
    "attention.layer_norm_epsilon": real(1e-5),
    ...keys,
  };
  const metadata = {
    "general.architecture": architecture,
    "tokenizer.ggml.model": "none",
    ...Object.fromEntries(Object.entries(own).map(([key, value]) => [`${architecture}.${key}`, value])),
  };
  return { metadata, tensors };
}

function attention(name: (part: string) => string, { embedding, heads, kvHeads, headWidth }: Size): WriterTensor[] {
  return [
    matrix(name("attn_q"), embedding, heads * headWidth),
    matrix(name("attn_k"), embedding, kvHeads * headWidth),
    matrix(name("attn_v"), embedding, kvHeads * headWidth),
    matrix(name("attn_output"), heads * headWidth, embedding),
  ];
}

function gated(name: (part: string) => string, { embedding, feedForward }: Size): WriterTensor[] {
  return [
    matrix(name("ffn_gate"), embedding, feedForward),
    matrix(name("ffn_up"), embedding, feedForward),
    matrix(name("ffn_down"), feedForward, embedding),
  ];
}

function qwen3(size: Size): WriterModel {
  const { layers, embedding, headWidth, vocabulary } = size;
  return model("qwen3", size, { ...head(headWidth), pooling_type: 3 }, [
    matrix("token_embd", embedding, vocabulary),
    vector("output_norm.weight", embedding),
    ...layered(layers, (name) => [
      ...attention(name, size),
      ...gated(name, size),
      vector(name("attn_norm.weight"), embedding),
      vector(name("ffn_norm.weight"), embedding),
      vector(name("attn_q_norm.weight"), headWidth),
      vector(name("attn_k_norm.weight"), headWidth),
    ]),
  ]);
}

/** The gated feed-forward of llama, attention over every token of an input, and a mean over them, as converted embedding models have. */
function llama(size: Size): WriterModel {
  const { layers, embedding, headWidth, vocabulary } = size;
  const keys: Keys = { ...head(headWidth), "attention.causal": false, pooling_type: 1 };
  return model("llama", size, keys, [
    matrix("token_embd", embedding, vocabulary),
    matrix("output", embedding, vocabulary),
    vector("output_norm.weight", embedding),
    ...layered(layers, (name) => [
      ...attention(name, size),
      ...gated(name, size),
      vector(name("attn_norm.weight"), embedding),
      vector(name("ffn_norm.weight"), embedding),
    ]),
  ]);
}

function gemmaEmbedding(size: Size): WriterModel {
  const { layers, embedding, headWidth, vocabulary } = size;
  const keys: Keys = { ...head(headWidth), "attention.sliding_window": 512, pooling_type: 1 };
  return model("gemma-embedding", size, keys, [
    matrix("token_embd", embedding, vocabulary),
    vector("output_norm.weight", embedding),
    ...layered(layers, (name) => [
      ...attention(name, size),
      ...gated(name, size),
      ...["attn_norm", "post_attention_norm", "ffn_norm", "post_ffw_norm"].map((norm) =>
        vector(name(`${norm}.weight`), embedding),
      ),
      vector(name("attn_q_norm.weight"), headWidth),
      vector(name("attn_k_norm.weight"), headWidth),
    ]),
  ]);
}

function bert(size: Size): WriterModel {
  const { layers, embedding, feedForward, vocabulary } = size;
  const keys: Keys = { "attention.causal": false, pooling_type: 2, context_length: 8192 };
  const { metadata, tensors } = model("bert", size, keys, [
    matrix("token_embd", embedding, vocabulary),
    { name: "token_types.weight", shape: [embedding, 2] },
    { name: "position_embd.weight", shape: [embedding, 8192] },
    ...["token_embd_norm.weight", "token_embd_norm.bias"].map((name) => vector(name, embedding)),
    ...layered(layers, (name) => [
      ...attention(name, size),
      matrix(name("ffn_up"), embedding, feedForward),
      matrix(name("ffn_down"), feedForward, embedding),
      ...["attn_output_norm", "layer_output_norm"].flatMap((norm) =>
        ["weight", "bias"].map((part) => vector(name(`${norm}.${part}`), embedding)),
      ),
    ]),
  ]);
  return { metadata: { ...Object(metadata), "tokenizer.ggml.token_type_count": 2 }, tensors: tensors ?? [] };
}

/** Small models of this project, with the widths of real ones but fewer layers; their weights are zeros. */
export const MODE_MODELS: Readonly<Record<string, WriterModel>> = {
  "synthetic-qwen3-last": qwen3({
    ...{ layers: 4, embedding: 1024, heads: 16, kvHeads: 8, headWidth: 128, feedForward: 3072, vocabulary: 151_669 },
  }),
  "synthetic-llama-mean": llama({
    ...{ layers: 3, embedding: 2048, heads: 16, kvHeads: 16, headWidth: 128, feedForward: 8192, vocabulary: 32_000 },
  }),
  "synthetic-gemma-embedding": gemmaEmbedding({
    ...{ layers: 6, embedding: 768, heads: 3, kvHeads: 1, headWidth: 256, feedForward: 1152, vocabulary: 262_144 },
  }),
  "synthetic-bert": bert({
    ...{ layers: 4, embedding: 1024, heads: 16, kvHeads: 16, headWidth: 64, feedForward: 4096, vocabulary: 30_522 },
  }),
};

/** What lies before the weights of a file. */
export function modeHead(name: string): Buffer {
  const found = MODE_MODELS[name];
  if (found === undefined) throw new Error(`there is no model ${name}`);
  return writeGguf(found);
}
