import type { BigIntStats } from "node:fs";
import { constants, type FileHandle, open } from "node:fs/promises";
import { fileRefusal, refuse } from "../fetch/refusal.ts";
import type { ByteSource, Opened } from "./byte-source.ts";

const READ_BYTES = 256 * 2 ** 10;

/** A file changed more recently than this may change again without its times showing it. */
const SETTLED_NS = 2_000_000_000n;

/**
 * Opens a regular file; `unchanged` where it is of the version `known`. Directories, pipes and devices are refused, and
 * none of them blocks.
 */
export async function openFile(path: string, known?: string): Promise<Opened> {
  // O_NONBLOCK: opening a pipe without a writer would wait for ever.
  const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch(refuseFile);
  try {
    const stats = await handle.stat({ bigint: true });
    if (stats.isDirectory()) refuse("it is a directory: name the .gguf file in it");
    if (!stats.isFile()) refuse("it is not a regular file");
    const version = versionOf(stats);
    if (version === undefined || version !== known) return fileSource(handle, Number(stats.size), version);
    await handle.close();
    return "unchanged";
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** Size and times; the change time is one that nobody can set back. */
function versionOf({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): string | undefined {
  const now = BigInt(Date.now()) * 1_000_000n;
  const changed = mtimeNs > ctimeNs ? mtimeNs : ctimeNs;
  return now - changed < SETTLED_NS ? undefined : [dev, ino, size, mtimeNs, ctimeNs].join(" ");
}

function fileSource(handle: FileHandle, fileBytes: number, version: string | undefined): ByteSource {
  const buffer = Buffer.allocUnsafeSlow(Math.min(READ_BYTES, fileBytes));
  return {
    fileBytes,
    version,
    async read({ offset }) {
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, offset).catch(refuseFile);
      return buffer.subarray(0, bytesRead);
    },
    close: () => handle.close(),
  };
}

function refuseFile(error: unknown): never {
  throw fileRefusal(error);
}
