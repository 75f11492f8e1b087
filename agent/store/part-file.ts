import { constants } from "node:fs";
import { type FileHandle, lstat, open, readFile, rename, rm, unlink } from "node:fs/promises";
import { z } from "zod";
import type { FileIdentity } from "../../fetch/http-part.ts";
import { type Ranges, withRange } from "./ranges.ts";

/**
 * An unfinished download: its bytes are in `PATH.part`. The sidecar `PATH.part.json` says which of them are safely on the disk, and
 * from which version of the remote file.
 */
export interface PartFile {
  readonly file: FileHandle;
  /** The remote file that the bytes belong to; undefined before the first response. */
  readonly identity: () => FileIdentity | undefined;
  /** Ranges that have been written. */
  readonly done: () => Ranges;
  /** Drops all bytes and begins again with this version; undefined for the version of the next response. */
  readonly restart: (identity: FileIdentity | undefined) => Promise<void>;
  /** From now on only the size tells one version of the remote file from another. */
  readonly forgetDescription: () => void;
  readonly write: (piece: Uint8Array, at: number) => Promise<void>;
  /** Makes the bytes that were written so far survive a crash. */
  readonly checkpoint: () => Promise<void>;
}

const COUNT = z.number().int().nonnegative();
const SIDECAR = z.object({
  version: z.literal(1),
  fileBytes: COUNT,
  etag: z.string().optional(),
  lastModified: z.string().optional(),
  done: z.array(z.tuple([COUNT, COUNT])),
});

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_RDWR } = constants;

export function partPath(path: string): string {
  return `${path}.part`;
}

function sidecarPath(path: string): string {
  return `${path}.part.json`;
}

/** Opens the part file that an earlier download of `path` left, or creates one. Never follows a link; only this user may read it. */
export async function openPartFile(path: string): Promise<PartFile> {
  const part = partPath(path);
  const found = await lstat(part).catch(() => undefined);
  const sidecar = found?.isFile() ? await readSidecar(path, found.size) : undefined;
  if (found !== undefined && !found.isFile()) await unlink(part);
  const file = await open(part, O_RDWR | O_CREAT | O_NOFOLLOW, 0o600);
  return partFile(path, file, sidecar);
}

interface Sidecar {
  readonly identity: FileIdentity;
  readonly done: Ranges;
}

function partFile(path: string, file: FileHandle, found: Sidecar | undefined): PartFile {
  let { identity, done }: Partial<Sidecar> & Pick<Sidecar, "done"> = found ?? { done: [] };
  return {
    file,
    identity: () => identity,
    done: () => done,
    async restart(next) {
      await rm(sidecarPath(path), { force: true });
      await file.truncate(0);
      identity = next;
      done = [];
    },
    forgetDescription() {
      identity = identity && { fileBytes: identity.fileBytes, etag: undefined, lastModified: undefined };
    },
    async write(piece, at) {
      for (let written = 0; written < piece.length; ) {
        const { bytesWritten } = await file.write(piece, written, piece.length - written, at + written);
        written += bytesWritten;
      }
      done = withRange(done, { begin: at, end: at + piece.length });
    },
    async checkpoint() {
      if (identity === undefined) return;
      // Taken before the sync: it covers only what was written until then.
      const safe = { identity, done };
      await file.datasync();
      await writeSidecar(path, safe);
    },
  };
}

/** Undefined if the sidecar is missing, damaged, or claims bytes beyond the end of the part file. */
async function readSidecar(path: string, partBytes: number): Promise<Sidecar | undefined> {
  try {
    const { fileBytes, etag, lastModified, done } = SIDECAR.parse(
      JSON.parse(await readFile(sidecarPath(path), "utf8")),
    );
    const limit = Math.min(partBytes, fileBytes);
    if (done.some(([begin, end]) => begin >= end || end > limit)) return undefined;
    const ranges = done.reduce<Ranges>((known, [begin, end]) => withRange(known, { begin, end }), []);
    return { identity: { fileBytes, etag, lastModified }, done: ranges };
  } catch {
    return undefined;
  }
}

async function writeSidecar(path: string, { identity, done }: Sidecar): Promise<void> {
  const sidecar = { version: 1, ...identity, done: done.map(({ begin, end }) => [begin, end]) };
  const temporary = `${sidecarPath(path)}.new`;
  await rm(temporary, { force: true });
  const file = await open(temporary, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
  try {
    await file.writeFile(JSON.stringify(sidecar));
  } finally {
    await file.close();
  }
  await rename(temporary, sidecarPath(path));
}

/** Removes the sidecar of a finished download. */
export async function removeSidecar(path: string): Promise<void> {
  for (const name of [sidecarPath(path), `${sidecarPath(path)}.new`]) await rm(name, { force: true });
}

/** Removes the part file and its sidecar. */
export async function removePart(path: string): Promise<void> {
  await removeSidecar(path);
  await rm(partPath(path), { force: true });
}
