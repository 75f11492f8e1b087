import { constants, type FileHandle, open } from "node:fs/promises";
import { fail, failIn, ok, type Result } from "../../api/result.ts";
import { failureOf, fileRefusal } from "../../fetch/refusal.ts";
import { fileDigest } from "./digest.ts";

/** The sha256 of a file, read whole. A pipe or a device is refused, not waited for. */
export async function sha256OfFile(path: string, progress: (message: string) => void): Promise<Result<string>> {
  try {
    const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      return await digestOf(file, path, progress);
    } finally {
      await file.close();
    }
  } catch (error) {
    return failIn(path, failureOf(fileRefusal(error)));
  }
}

async function digestOf(file: FileHandle, path: string, progress: (message: string) => void): Promise<Result<string>> {
  const stats = await file.stat();
  if (!stats.isFile()) return fail(`${path}: it is not a regular file`);
  const digest = fileDigest(file);
  const percent = () => Math.floor((digest.hashedBytes() / stats.size) * 100);
  await digest.upTo(stats.size, () => progress(`checking its sha256, ${percent()}%`));
  return ok(digest.hex());
}
