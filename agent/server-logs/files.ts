import { closeSync, existsSync, openSync, readSync, renameSync, statSync } from "node:fs";

/** Earlier logs that are kept beside the current one, as `NAME.log.1` (the newest) to `NAME.log.3`. */
export const EARLIER = 3;

/** The last line of a `NAME.log.1` that `NAME.log` continues: both are of the same start of the server. */
export const CUT_MARK = "\n--- pulumi-llmkube cut the log here; some lines around this place may be missing ---\n";

/** The number comes after `.log`, so that a workload whose name ends in `.1` cannot get the same file. */
export function earlierLog(path: string, number: number): string {
  return `${path}.${number}`;
}

/** Renames the log at `path` to `PATH.1` before a new server starts, and lets go of the oldest log. */
export function rotateLog(path: string): void {
  if (!existsSync(path)) return;
  for (let number = EARLIER - 1; number >= 1; number -= 1) {
    if (existsSync(earlierLog(path, number))) renameSync(earlierLog(path, number), earlierLog(path, number + 1));
  }
  renameSync(path, earlierLog(path, 1));
}

const TAIL_BYTES = 8192;

/** The last 8 KiB that a server has printed since its start, without control characters; empty if it cannot be read. */
export function logTail(path: string): string {
  const current = endOf(path, TAIL_BYTES);
  const missing = TAIL_BYTES - current.length;
  const before =
    missing > 0 && endsWithMark(earlierLog(path, 1))
      ? endOf(earlierLog(path, 1), missing + CUT_MARK.length)
      : Buffer.alloc(0);
  const text = Buffer.concat([before, current]).toString("utf8");
  return text.replace(CUT_MARK, "\n").replace(/(?!\n)\p{Cc}/gu, "");
}

function endsWithMark(path: string): boolean {
  return endOf(path, CUT_MARK.length).toString("latin1") === CUT_MARK;
}

const HEAD_BYTES = 2 ** 20;

/** The first MiB of a log; empty if it cannot be read. */
export function logHead(path: string): string {
  return read(path, HEAD_BYTES, () => 0).toString("utf8");
}

/** The last bytes of a file; empty if it cannot be read. */
function endOf(path: string, bytes: number): Buffer {
  return read(path, bytes, (size) => Math.max(0, size - bytes));
}

function read(path: string, bytes: number, offsetIn: (size: number) => number): Buffer {
  try {
    const { size } = statSync(path);
    const buffer = Buffer.alloc(Math.min(size, bytes));
    const file = openSync(path, "r");
    try {
      return buffer.subarray(0, readSync(file, buffer, 0, buffer.length, offsetIn(size)));
    } finally {
      closeSync(file);
    }
  } catch {
    return Buffer.alloc(0);
  }
}
