import { createHash } from "node:crypto";
import type { FileHandle } from "node:fs/promises";

const PIECE_BYTES = 2 ** 20;

/**
 * The sha256 of a file, read back from the disk. It follows a download from the start of the file, so that little is left to read when
 * the last byte arrives.
 */
export function fileDigest(file: FileHandle) {
  const piece = Buffer.alloc(PIECE_BYTES);
  let hash = createHash("sha256");
  let hashed = 0;
  return {
    hashedBytes: () => hashed,
    restart(): void {
      hash = createHash("sha256");
      hashed = 0;
    },
    /** Hashes up to the offset `end`, which must not be beyond the end of the file. */
    async upTo(end: number, progress: () => void = () => {}): Promise<void> {
      while (hashed < end) {
        const { bytesRead } = await file.read(piece, 0, Math.min(PIECE_BYTES, end - hashed), hashed);
        if (bytesRead === 0) return;
        hash.update(piece.subarray(0, bytesRead));
        hashed += bytesRead;
        progress();
      }
    },
    hex: (): string => hash.copy().digest("hex"),
  };
}

export type FileDigest = ReturnType<typeof fileDigest>;
