import type { WriterModel } from "./gguf-writer.ts";

/** A LoRA adapter for Llama: two tensors of 4096 x 256 in F32. */
export const LORA_ADAPTER: WriterModel = {
  metadata: { "general.architecture": "llama", "general.type": "adapter", "adapter.type": "lora" },
  tensors: ["a", "b"].map((side) => ({ name: `blk.0.attn_q.weight.lora_${side}`, shape: [4096, 256] })),
};

export const LORA_ADAPTER_BYTES = 2 * 4096 * 256 * 4;
