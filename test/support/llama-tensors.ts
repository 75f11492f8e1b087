import type { WriterTensor } from "./gguf-writer.ts";

/** All tensors that llama.cpp asks for of a model of architecture llama: `width` is its embedding's, and of every matrix. `type`: of matrices. */
export function llamaTensors(layers: number, width = 64, type = 0): readonly WriterTensor[] {
  const matrix = (name: string): WriterTensor => ({ name: `${name}.weight`, shape: [width, width], type });
  const norm = (name: string): WriterTensor => ({ name: `${name}.weight`, shape: [width] });
  const MATRICES = ["attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down"];
  const of = (layer: number) => [
    ...["attn_norm", "ffn_norm"].map((name) => norm(`blk.${layer}.${name}`)),
    ...MATRICES.map((name) => matrix(`blk.${layer}.${name}`)),
  ];
  return [matrix("token_embd"), norm("output_norm"), ...Array.from({ length: layers }, (_, layer) => of(layer)).flat()];
}
