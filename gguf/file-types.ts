import type { GgufHeader } from "./header.ts";
import { GGML_TYPES, tensorBytes } from "./tensor-types.ts";

/** Names of `general.file_type` by their number (llama_ftype of llama.h, September 2026): how a quantizer was asked to store a model. */
const FILE_TYPES: ReadonlyMap<number, string> = new Map([
  ...([
    [0, "F32"],
    [1, "F16"],
    [32, "BF16"],
  ] as const),
  ...([
    [2, "Q4_0"],
    [3, "Q4_1"],
    [7, "Q8_0"],
    [8, "Q5_0"],
    [9, "Q5_1"],
  ] as const),
  ...([
    [10, "Q2_K"],
    [21, "Q2_K_S"],
    [11, "Q3_K_S"],
    [12, "Q3_K_M"],
    [13, "Q3_K_L"],
  ] as const),
  ...([
    [14, "Q4_K_S"],
    [15, "Q4_K_M"],
    [16, "Q5_K_S"],
    [17, "Q5_K_M"],
    [18, "Q6_K"],
  ] as const),
  ...([
    [19, "IQ2_XXS"],
    [20, "IQ2_XS"],
    [28, "IQ2_S"],
    [29, "IQ2_M"],
    [22, "IQ3_XS"],
    [23, "IQ3_XXS"],
  ] as const),
  ...([
    [26, "IQ3_S"],
    [27, "IQ3_M"],
    [24, "IQ1_S"],
    [31, "IQ1_M"],
    [25, "IQ4_NL"],
    [30, "IQ4_XS"],
  ] as const),
  ...([
    [36, "TQ1_0"],
    [37, "TQ2_0"],
    [38, "MXFP4_MOE"],
    [39, "NVFP4"],
    [40, "Q1_0"],
  ] as const),
]);

/** A quantizer that was not told the type but guessed it sets this bit. */
const GUESSED = 1024;

/** Every name that {@link quantizationOf} can give: those of whole files, and those of tensors. */
export const QUANTIZATIONS: ReadonlySet<string> = new Set([
  ...FILE_TYPES.values(),
  ...[...GGML_TYPES.values()].map(({ name }) => name),
]);

/** How the weights of a model are stored. */
export interface Quantization {
  /** By the header's `general.file_type`; undefined where it does not say, or says a number that is not known here. */
  readonly fileType: string | undefined;
  /** The type that most bytes of the tensors have; undefined without tensors. */
  readonly mostTensors: string | undefined;
}

export function quantizationOf({ metadata, tensors }: GgufHeader): Quantization {
  const stored = metadata.get("general.file_type");
  const fileType = typeof stored === "number" ? FILE_TYPES.get(stored & ~GUESSED) : undefined;
  const bytes = new Map<number, number>();
  for (const tensor of tensors) {
    const size = tensorBytes(tensor);
    if (size.ok) bytes.set(tensor.type, (bytes.get(tensor.type) ?? 0) + size.value);
  }
  const [most] = [...bytes].toSorted(([, a], [, b]) => b - a);
  return { fileType, mostTensors: most && GGML_TYPES.get(most[0])?.name };
}
