import { statfs } from "node:fs/promises";
import { dirname } from "node:path";
import { patience } from "../files/patience.ts";
import type { DiskSpace } from "./conditions.ts";

/** A disk that hangs is waited for so long, in milliseconds, and then looked at in the background. */
const WAIT_MS = 2000;

/**
 * Reads the space of the disk that a folder is on, or will be: the folder above stands for one that was not made yet. Undefined where it
 * cannot be told.
 *
 * @param clock milliseconds that never go back
 */
export function diskReader(folder: string, clock: () => number): () => Promise<DiskSpace | undefined> {
  const inTime = patience<DiskSpace | undefined>({ waitMs: WAIT_MS, mostHanging: 1, clock, late: () => {} });
  return async () => {
    const read = await inTime(folder, () => spaceOf(folder));
    return read.done ? read.value : undefined;
  };
}

async function spaceOf(folder: string): Promise<DiskSpace | undefined> {
  try {
    const { bavail, blocks, bsize } = await statfs(folder);
    return { freeBytes: bavail * bsize, totalBytes: blocks * bsize };
  } catch {
    const above = dirname(folder);
    return above === folder ? undefined : spaceOf(above);
  }
}
