import type { GgufHeader, GgufTensor } from "../../gguf/header.ts";
import { tensorBytes } from "../../gguf/tensor-types.ts";
import { familyOf } from "./cache.ts";
import type { Family } from "./families/family.ts";
import type { EstimateSettings } from "./types.ts";

/** Sizes of single tensors of a file, in bytes; 0 where there is none. */
export interface TensorSizes {
  /** The table of token embeddings, in a file without an output layer of its own. */
  readonly tiedTable: number;
  /** Whether the GPU can look tokens up in that table. */
  readonly looksUp: boolean;
  /** The largest tensor that llama-server gives to the GPU. */
  readonly largestOnGpu: number;
}

const TOKEN_TABLE = "token_embd.weight";
const OUTPUT = "output.weight";
/** Tables that are looked up and not multiplied: they lie with the CPU (llama.cpp, src/llama-arch.cpp, LLM_TENSOR_LAYER_INPUT). */
const LOOKED_UP = new Set([TOKEN_TABLE, "per_layer_token_embd.weight", "position_embd.weight", "token_types.weight"]);

/**
 * Types of a token table for which Metal has had GET_ROWS since long before the oldest llama-server that the agent uses: floats, and
 * quantizations by 32 and by 256 (llama.cpp, docs/ops/Metal.csv; the numbers are GGUF's). Newer Macs alone have bf16.
 */
const LOOKED_UP_BY_METAL: ReadonlySet<number> = new Set([0, 1, 2, 3, 6, 7, 8, 10, 11, 12, 13, 14]);

/** What the estimate needs to know of the tensors of a file, all of which have a known type. */
export function tensorSizes({ tensors }: GgufHeader): TensorSizes {
  const tied = !tensors.some(({ name }) => name === OUTPUT);
  const table = tensors.find(({ name }) => name === TOKEN_TABLE);
  const onGpu = tensors.filter(({ name }) => !LOOKED_UP.has(name) || (tied && name === TOKEN_TABLE));
  return {
    tiedTable: tied && table !== undefined ? largest([table]) : 0,
    looksUp: table !== undefined && LOOKED_UP_BY_METAL.has(table.type),
    largestOnGpu: largest(onGpu),
  };
}

function largest(tensors: readonly GgufTensor[]): number {
  return tensors.reduce((most, tensor) => {
    const bytes = tensorBytes(tensor);
    return bytes.ok ? Math.max(most, bytes.value) : most;
  }, 0);
}

/**
 * Bytes of the second copy of tied embeddings. The table lies with the CPU, which looks tokens up in it, and once more with
 * the GPU, which multiplies by it (llama.cpp, src/llama-model-loader.cpp, `create_tensor`; docs/background/llama-memory.md,
 * "On Metal"). Both are one where they share a buffer: on the CPU, or where both map the file.
 */
export function tiedCopyBytes({ tiedTable, looksUp }: TensorSizes, family: Family, settings: EstimateSettings): number {
  const isSaved = settings.tableOnGpu === true && looksUp;
  return readsOntoGpu(settings) && !family.withoutOutput && !isSaved ? tiedTable : 0;
}

/** Whether a file has tied embeddings whose only copy may lie with the GPU. */
export function isTableForGpu(header: GgufHeader): boolean {
  const { tiedTable, looksUp } = tensorSizes(header);
  const architecture = header.metadata.get("general.architecture");
  const family = typeof architecture === "string" ? familyOf(architecture) : undefined;
  return tiedTable > 0 && looksUp && !family?.withoutOutput;
}

/**
 * What a server holds when the largest tensor passes through the CPU's memory on its way to the GPU: all weights, the copy of that
 * tensor, and the process. The caches and compute buffers come later. 0 where nothing passes (llama.cpp,
 * src/llama-model-loader.cpp, `load_all_data`).
 */
export function loadingPeakBytes(
  { largestOnGpu }: TensorSizes,
  {
    weights,
    tiedCopy = 0,
    process,
  }: { readonly weights: number; readonly tiedCopy?: number; readonly process: number },
  settings: EstimateSettings,
): number {
  return readsOntoGpu(settings) ? weights + tiedCopy + largestOnGpu + process : 0;
}

/** Whether weights are read into memory from which they are copied to the GPU, and not mapped. */
export function readsOntoGpu({ backend, loadMode = "mmap" }: EstimateSettings): boolean {
  return backend === "metal" && loadMode !== "mmap";
}
