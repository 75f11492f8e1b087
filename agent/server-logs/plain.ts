import { StringDecoder } from "node:string_decoder";
import { plainText } from "../../api/plain-text.ts";

/**
 * A log that is read piece by piece, as plain text: llama-server prints the names that a file has, and these may hold what a terminal
 * obeys. A character, or the end of a line, may be in two pieces.
 */
export function plainPieces(): (piece: Buffer) => string {
  const decoder = new StringDecoder("utf8");
  let held = "";
  return (piece) => {
    const text = held + decoder.write(piece);
    held = text.endsWith("\r") ? "\r" : "";
    return plainText(text.slice(0, text.length - held.length));
  };
}
