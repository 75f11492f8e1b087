import type { Result } from "../../api/result.ts";
import type { GgufHeader } from "../../gguf/header.ts";
import { parseHeader } from "../../gguf/parse.ts";

export interface Parsed {
  readonly result: Result<GgufHeader>;
  /** The offsets that the parser asked for, in order. */
  readonly requests: readonly number[];
}

/**
 * Parses the head of a file of `fileBytes` bytes, handing over at most `pieceBytes` at a time (never fewer than one).
 * Beyond the head the file is zeros.
 */
export function parseBytes(head: Uint8Array, fileBytes = head.length, pieceBytes = 64 * 1024): Parsed {
  const requests: number[] = [];
  const parser = parseHeader(fileBytes);
  let step = parser.next();
  while (!step.done) {
    const { offset } = step.value;
    requests.push(offset);
    const piece = new Uint8Array(Math.max(0, Math.min(pieceBytes, fileBytes - offset)));
    piece.set(head.subarray(offset, offset + piece.length));
    step = parser.next(piece);
  }
  return { result: step.value, requests };
}
