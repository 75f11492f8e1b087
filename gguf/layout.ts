import { quoted } from "../api/plain-text.ts";
import { refuse } from "../fetch/refusal.ts";
import type { GgufHeader, GgufTensor, GgufValue } from "./header.ts";
import { tensorBytes } from "./tensor-types.ts";

const DEFAULT_ALIGNMENT = 32;
const MAX_ALIGNMENT = 2 ** 30;

/** `general.alignment`: a power of two and a multiple of 8 (GGUF specification), 32 where it is not set. */
export function alignmentOf(metadata: ReadonlyMap<string, GgufValue>): number {
  const value = metadata.get("general.alignment") ?? DEFAULT_ALIGNMENT;
  const valid = typeof value === "number" && Number.isInteger(Math.log2(value)) && value >= 8 && value <= MAX_ALIGNMENT;
  if (!valid) {
    const shown = typeof value === "object" ? "no plain number" : quoted(String(value));
    return refuse(`key "general.alignment" is ${shown}: a power of two from 8 to 2^30 is expected, 32 is usual`);
  }
  return value;
}

/**
 * Refuses a header whose tensors cannot all lie in the file: unknown types, data off its alignment, beyond the end of the
 * file, or shared by two tensors. What passes has weights that add up to no more than the file.
 */
export function checkLayout(header: GgufHeader, alignment: number): void {
  const spans = header.tensors.map((tensor) => checkTensor(header, tensor, alignment));
  spans.sort((a, b) => a.begin - b.begin);
  let previous: Span | undefined;
  for (const span of spans) {
    if (previous !== undefined && span.begin < previous.end) {
      refuse(
        `tensors ${quoted(previous.name)} and ${quoted(span.name)} share bytes of the file: it is damaged or forged`,
      );
    }
    previous = span;
  }
}

/** Where a tensor's data lies, in bytes from the start of the file. */
interface Span {
  readonly name: string;
  readonly begin: number;
  readonly end: number;
}

function checkTensor(header: GgufHeader, tensor: GgufTensor, alignment: number): Span {
  const { name, offset } = tensor;
  const size = tensorBytes(tensor);
  if (!size.ok) return refuse(size.error, size.kind);
  if (offset % alignment !== 0) {
    refuse(`tensor ${quoted(name)} begins at byte ${offset} of the data, not a multiple of the alignment ${alignment}`);
  }
  const begin = header.dataOffset + offset;
  const end = begin + size.value;
  if (end > header.fileBytes) {
    refuse(
      `tensor ${quoted(name)} ends at byte ${end}, but the file has ${header.fileBytes} bytes: ` +
        "it is truncated, fetch it again",
    );
  }
  return { name, begin, end };
}
