import { constants, type FileHandle, open } from "node:fs/promises";
import type { ByteSource } from "./byte-source.ts";
import { Refusal, refuse } from "./refusal.ts";

const READ_BYTES = 256 * 2 ** 10;

/** Opens a regular file. Directories, pipes and devices are refused, and none of them blocks. */
export async function openFile(path: string): Promise<ByteSource> {
  // O_NONBLOCK: opening a pipe without a writer would wait for ever.
  const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch(refuseSystemError);
  try {
    const stats = await handle.stat();
    if (stats.isDirectory()) refuse("it is a directory: name the .gguf file in it");
    if (!stats.isFile()) refuse("it is not a regular file");
    return fileSource(handle, stats.size);
  } catch (error) {
    await handle.close();
    throw error;
  }
}

function fileSource(handle: FileHandle, fileBytes: number): ByteSource {
  const buffer = Buffer.allocUnsafeSlow(Math.min(READ_BYTES, fileBytes));
  return {
    fileBytes,
    async read(offset) {
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, offset).catch(refuseSystemError);
      return buffer.subarray(0, bytesRead);
    },
    close: () => handle.close(),
  };
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file",
  ENOTDIR: "there is no such file: a part of its path is not a directory",
  EACCES: "this user may not read it",
  EPERM: "this user may not read it",
};

function refuseSystemError(error: unknown): never {
  if (!(error instanceof Error && "code" in error)) throw error;
  const code = String(error.code);
  throw new Refusal(REASONS[code] ?? `it cannot be read (${code})`);
}
