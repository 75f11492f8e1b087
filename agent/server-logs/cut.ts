import { type FileHandle, open, rename, rm, stat } from "node:fs/promises";
import { CUT_MARK, EARLIER, earlierLog } from "./files.ts";

/** How large logs become. */
export interface LogLimits {
  /** A log above this is cut. */
  readonly maxBytes: number;
  /** How much of its end is kept when it is cut, and of each earlier log. */
  readonly keptBytes: number;
}

const NEWLINE = 0x0a;
/** A first line that is longer than this is kept in part. */
const LONGEST_LINE = 4096;
const CHUNK_BYTES = 256 * 1024;

/**
 * Copies the end of a log that its server is still writing to `PATH.1`, and truncates the log. The server keeps its file open, by which
 * our processes are recognised, and writes in append mode. Lines that are written between the copy and the truncation are lost; on a full
 * disk all are. Throws where the log cannot be opened.
 */
export async function cutLog(path: string, { keptBytes }: LogLimits): Promise<void> {
  const log = await open(path, "r+");
  try {
    const part = await copyEnd(log, path, keptBytes, CUT_MARK).catch(() => undefined);
    if (part !== undefined && (await isStill(log, path))) {
      // What was cut from this log before has become too old to be kept.
      if (!(await endsWithMark(earlierLog(path, 1)))) await shift(path);
      await rename(part, earlierLog(path, 1));
    }
    // Of the file that was opened: by now the name may be that of the log of a new start.
    await log.truncate(0);
  } finally {
    await log.close();
  }
}

/** Keeps only the end of earlier logs that are too large: those of a server that ended before its log was cut. */
export async function trimEarlier(path: string, { keptBytes }: LogLimits): Promise<void> {
  for (let number = 1; number <= EARLIER; number += 1) {
    const name = earlierLog(path, number);
    const { size = 0 } = (await stat(name).catch(() => undefined)) ?? {};
    if (size <= keptBytes + CUT_MARK.length) continue;
    const log = await open(name);
    try {
      const part = await copyEnd(log, path, keptBytes, "");
      if (await isStill(log, name)) await rename(part, name);
      else await rm(part);
    } finally {
      await log.close();
    }
  }
}

/** Whether a log was cut off here, and goes on in the next one. */
export async function endsWithMark(path: string): Promise<boolean> {
  const log = await open(path).catch(() => undefined);
  if (log === undefined) return false;
  try {
    const { size } = await log.stat();
    const end = Buffer.alloc(CUT_MARK.length);
    await log.read(end, 0, end.length, Math.max(0, size - end.length));
    return end.toString("latin1") === CUT_MARK;
  } finally {
    await log.close();
  }
}

async function shift(path: string): Promise<void> {
  for (let number = EARLIER - 1; number >= 1; number -= 1) {
    await rename(earlierLog(path, number), earlierLog(path, number + 1)).catch(() => {});
  }
}

/** Copies the end of a file, from the start of a line, to `PATH.part` and returns that name. */
async function copyEnd(log: FileHandle, path: string, bytes: number, mark: string): Promise<string> {
  const { size } = await log.stat();
  const part = `${path}.part`;
  const copy = await open(part, "w", 0o600);
  try {
    const chunk = Buffer.alloc(CHUNK_BYTES);
    for (let offset = await lineStart(log, Math.max(0, size - bytes)); offset < size; ) {
      const { bytesRead } = await log.read(chunk, 0, Math.min(chunk.length, size - offset), offset);
      if (bytesRead === 0) break;
      await copy.writeFile(chunk.subarray(0, bytesRead));
      offset += bytesRead;
    }
    await copy.writeFile(mark);
    return part;
  } catch (error) {
    await rm(part, { force: true });
    throw error;
  } finally {
    await copy.close();
  }
}

async function lineStart(log: FileHandle, offset: number): Promise<number> {
  if (offset === 0) return 0;
  const { buffer, bytesRead } = await log.read(Buffer.alloc(LONGEST_LINE), 0, LONGEST_LINE, offset);
  const end = buffer.subarray(0, bytesRead).indexOf(NEWLINE);
  return offset + end + 1;
}

async function isStill(file: FileHandle, path: string): Promise<boolean> {
  const [opened, named] = await Promise.all([file.stat(), stat(path).catch(() => undefined)]);
  return opened.ino === named?.ino;
}
