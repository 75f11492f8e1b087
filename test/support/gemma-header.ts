import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { GgufHeader } from "../../gguf/header.ts";
import { writeSparse } from "./gguf-writer.ts";
import { headerOf } from "./truth-models.ts";
import { temporaryDirectory } from "./workspace.ts";

const HEAD = join(import.meta.dirname, "../fixtures/gemma3-270m.gguf.header");
const FILE_BYTES = 246_602_592;

/**
 * Gemma 3 270M Q4_K_M as the estimate sees it, without its 253 MB: hyperparameters and tensors, no vocabulary. A test holds it
 * to the file of the toolchain (sampling.real.test.ts).
 */
export async function gemmaHeader(): Promise<GgufHeader> {
  return headerOf(await gemmaFile());
}

/** The same model as if all its layers had full attention. */
export async function gemmaWithoutWindow(): Promise<GgufHeader> {
  const header = await gemmaHeader();
  return { ...header, metadata: new Map([...header.metadata, ["gemma3.attention.sliding_window", 0]]) };
}

/** The path of a sparse file with that header. */
export async function gemmaFile(): Promise<string> {
  const path = join(await temporaryDirectory(), "gemma3-270m.gguf");
  await writeSparse(path, await readFile(HEAD), FILE_BYTES);
  return path;
}
