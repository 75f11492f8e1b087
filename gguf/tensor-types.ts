import { quoted } from "../api/plain-text.ts";
import { fail, ok, type Result } from "../api/result.ts";
import type { GgufTensor } from "./header.ts";

/** How ggml stores elements: `blockBytes` bytes for each run of `blockElements` elements of a row. */
export interface GgmlType {
  readonly name: string;
  readonly blockElements: number;
  readonly blockBytes: number;
}

/** ids of ggml.h, September 2026; block sizes: docs/background/llama-memory.md, "Weights". */
export const GGML_TYPES: ReadonlyMap<number, GgmlType> = new Map([
  [0, { name: "F32", blockElements: 1, blockBytes: 4 }],
  [1, { name: "F16", blockElements: 1, blockBytes: 2 }],
  [2, { name: "Q4_0", blockElements: 32, blockBytes: 18 }],
  [3, { name: "Q4_1", blockElements: 32, blockBytes: 20 }],
  [6, { name: "Q5_0", blockElements: 32, blockBytes: 22 }],
  [7, { name: "Q5_1", blockElements: 32, blockBytes: 24 }],
  [8, { name: "Q8_0", blockElements: 32, blockBytes: 34 }],
  [9, { name: "Q8_1", blockElements: 32, blockBytes: 36 }],
  [10, { name: "Q2_K", blockElements: 256, blockBytes: 84 }],
  [11, { name: "Q3_K", blockElements: 256, blockBytes: 110 }],
  [12, { name: "Q4_K", blockElements: 256, blockBytes: 144 }],
  [13, { name: "Q5_K", blockElements: 256, blockBytes: 176 }],
  [14, { name: "Q6_K", blockElements: 256, blockBytes: 210 }],
  [15, { name: "Q8_K", blockElements: 256, blockBytes: 292 }],
  [16, { name: "IQ2_XXS", blockElements: 256, blockBytes: 66 }],
  [17, { name: "IQ2_XS", blockElements: 256, blockBytes: 74 }],
  [18, { name: "IQ3_XXS", blockElements: 256, blockBytes: 98 }],
  [19, { name: "IQ1_S", blockElements: 256, blockBytes: 50 }],
  [20, { name: "IQ4_NL", blockElements: 32, blockBytes: 18 }],
  [21, { name: "IQ3_S", blockElements: 256, blockBytes: 110 }],
  [22, { name: "IQ2_S", blockElements: 256, blockBytes: 82 }],
  [23, { name: "IQ4_XS", blockElements: 256, blockBytes: 136 }],
  [24, { name: "I8", blockElements: 1, blockBytes: 1 }],
  [25, { name: "I16", blockElements: 1, blockBytes: 2 }],
  [26, { name: "I32", blockElements: 1, blockBytes: 4 }],
  [27, { name: "I64", blockElements: 1, blockBytes: 8 }],
  [28, { name: "F64", blockElements: 1, blockBytes: 8 }],
  [29, { name: "IQ1_M", blockElements: 256, blockBytes: 56 }],
  [30, { name: "BF16", blockElements: 1, blockBytes: 2 }],
  [34, { name: "TQ1_0", blockElements: 256, blockBytes: 54 }],
  [35, { name: "TQ2_0", blockElements: 256, blockBytes: 66 }],
  [39, { name: "MXFP4", blockElements: 32, blockBytes: 17 }],
  [40, { name: "NVFP4", blockElements: 64, blockBytes: 36 }],
  [41, { name: "Q1_0", blockElements: 128, blockBytes: 18 }],
  [42, { name: "Q2_0", blockElements: 64, blockBytes: 18 }],
]);

/** Formats that ggml once had; today's llama.cpp refuses a file that holds one. */
const REMOVED_TYPES: ReadonlySet<number> = new Set([4, 5, 31, 32, 33, 36, 37, 38]);

/**
 * Bytes that a tensor's data takes. Fails on an id that ggml does not have (any more), on a row that is not a whole
 * number of blocks, and on sizes beyond 2^53: ggml refuses them too.
 */
export function tensorBytes(tensor: GgufTensor): Result<number> {
  const name = `tensor ${quoted(tensor.name)}`;
  const type = GGML_TYPES.get(tensor.type);
  if (type === undefined) {
    return REMOVED_TYPES.has(tensor.type)
      ? fail(
          `${name} has type ${tensor.type}, which ggml has removed: convert the model again with a current llama.cpp`,
          "unsupported",
        )
      : fail(
          `${name} has type ${tensor.type}, which is not a ggml type known here: its size is unknown`,
          "unsupported",
        );
  }
  const row = tensor.shape[0] ?? 1;
  if (row % type.blockElements !== 0) {
    return fail(
      `${name} has rows of ${row} elements, not a multiple of the ${type.blockElements} that ${type.name} needs`,
    );
  }
  const elements = tensor.shape.reduce((product, dimension) => product * dimension, 1);
  const bytes = (elements / type.blockElements) * type.blockBytes;
  if (!Number.isSafeInteger(elements) || !Number.isSafeInteger(bytes)) {
    return fail(`${name} has shape ${tensor.shape.join(" x ")}, more than any file can hold`);
  }
  return ok(bytes);
}
