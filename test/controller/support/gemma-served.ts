import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type Handler, sendRange } from "../../gguf/range-server.ts";

const HEAD = join(import.meta.dirname, "..", "..", "fixtures", "gemma3-270m.gguf.header");
const FILE_BYTES = 246_602_592;

/** Answers every path with the header of Gemma 3 270M, and zeros for its weights. */
export async function gemmaServed(): Promise<Handler> {
  const head = await readFile(HEAD);
  return (request, response) => sendRange(request, response, { head, fileBytes: FILE_BYTES, etag: '"one"' });
}
