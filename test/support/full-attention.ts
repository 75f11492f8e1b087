import { constants, copyFile, open } from "node:fs/promises";
import { join } from "node:path";
import { temporaryDirectory } from "./workspace.ts";

const KEY = "gemma3.attention.sliding_window";
/** The key lies far before the weights. */
const HEAD_BYTES = 2 ** 16;
const U32 = 4;

/**
 * A copy of Gemma 3's weights whose header has no sliding window, so that all its layers have full attention. It answers less well, and with
 * the same amount of work.
 */
export async function fullAttention(weights: string): Promise<string> {
  const path = join(await temporaryDirectory(), "gemma3-full-attention.gguf");
  await copyFile(weights, path, constants.COPYFILE_FICLONE);
  const file = await open(path, "r+");
  try {
    const head = Buffer.alloc(HEAD_BYTES);
    await file.read(head, 0, HEAD_BYTES, 0);
    const type = head.indexOf(KEY) + KEY.length;
    if (type < KEY.length || head.readUInt32LE(type) !== U32) throw new Error(`${weights} has no ${KEY}`);
    head.writeUInt32LE(0, type + 4);
    await file.write(head, type + 4, 4, type + 4);
    return path;
  } finally {
    await file.close();
  }
}
