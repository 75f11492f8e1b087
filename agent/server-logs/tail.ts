import { type FileHandle, open } from "node:fs/promises";

const CHUNK_BYTES = 64 * 1024;
const NEWLINE = 0x0a;

/** A file, and where to begin to read it. */
export interface Part {
  readonly path: string;
  readonly place: Place;
}

/** Where the last `lines` lines begin of files that are read one after the other; without those files that come before that. */
export async function lastOf(paths: readonly string[], lines: number): Promise<readonly Part[]> {
  const parts: Part[] = [];
  let missing = lines;
  for (const path of paths.toReversed()) {
    const last = await lastOfFile(path, missing);
    parts.unshift({ path, place: last });
    missing = last.missing;
    if (missing === 0) break;
  }
  return parts;
}

/** Where the last `lines` lines of a file begin, and how many of them it does not have. A line without an end counts. */
async function lastOfFile(path: string, lines: number): Promise<Place & { readonly missing: number }> {
  const file = await open(path);
  try {
    const { ino: inode, size } = await file.stat();
    if (lines === 0 || size === 0) return { inode, offset: size, missing: lines };
    return { inode, ...(await scanBack(file, size, lines)) };
  } finally {
    await file.close();
  }
}

async function scanBack(file: FileHandle, size: number, lines: number) {
  const chunk = Buffer.alloc(CHUNK_BYTES);
  let missing = lines;
  for (let end = size; end > 0; end -= CHUNK_BYTES) {
    const start = Math.max(0, end - CHUNK_BYTES);
    const { bytesRead } = await file.read(chunk, 0, end - start, start);
    for (let index = bytesRead - 1; index >= 0; index -= 1) {
      // The newline that ends the file ends its last line; it begins none.
      if (chunk[index] !== NEWLINE || start + index === size - 1) continue;
      missing -= 1;
      if (missing === 0) return { offset: start + index + 1, missing };
    }
  }
  return { offset: 0, missing: missing - 1 };
}

/** A place in a file that a server writes: which file it was, and how far it was read. */
export interface Place {
  readonly inode: number;
  readonly offset: number;
}

/** Before the start of a file that is not known yet. */
export const NOWHERE: Place = { inode: 0, offset: 0 };

/**
 * Gives `take` what follows `place`, and answers the new place. A file that is another one, or shorter than what was read of
 * it, was begun anew: it is read from its start. One that is not there changes nothing.
 *
 * @param take is awaited before more is read, so that a slow reader never has more than 64 KiB waiting; what it throws ends the reading
 */
export async function readOn(path: string, place: Place, take: (bytes: Buffer) => unknown): Promise<Place> {
  const file = await open(path).catch(() => undefined);
  if (file === undefined) return place;
  try {
    const { ino, size } = await file.stat();
    const anew = ino !== place.inode || size < place.offset;
    let offset = anew ? 0 : place.offset;
    while (offset < size) {
      const chunk = Buffer.alloc(Math.min(CHUNK_BYTES, size - offset));
      const { bytesRead } = await file.read(chunk, 0, chunk.length, offset);
      if (bytesRead === 0) break;
      await take(chunk.subarray(0, bytesRead));
      offset += bytesRead;
    }
    return { inode: ino, offset };
  } finally {
    await file.close();
  }
}
