import { copyFileSync, existsSync, renameSync, statSync, truncateSync } from "node:fs";

/**
 * Earlier logs that are kept beside the current one, as `NAME.log.1` (the newest) to `NAME.log.3`. The number comes after `.log`,
 * so that a workload whose name ends in `.1` cannot get the same file.
 */
const KEPT = 3;
/** A log that grows beyond this is copied to `NAME.log.1` and truncated. */
const MAX_BYTES = 32 * 2 ** 20;

/** Renames the log at `path` to `PATH.1` before a new server starts, and deletes the oldest log. */
export function rotateLog(path: string): void {
  if (!existsSync(path)) return;
  shift(path);
  renameSync(path, numbered(path, 1));
}

/**
 * Copies and truncates a log that its server is still writing. The server must keep its file open: that is how our processes are
 * recognised. Lines that are written between the copy and the truncation are lost.
 */
export function truncateLog(path: string, maxBytes: number = MAX_BYTES): void {
  const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  if (size <= maxBytes) return;
  shift(path);
  copyFileSync(path, numbered(path, 1));
  truncateSync(path, 0);
}

function shift(path: string): void {
  for (let number = KEPT - 1; number >= 1; number -= 1) {
    if (existsSync(numbered(path, number))) renameSync(numbered(path, number), numbered(path, number + 1));
  }
}

function numbered(path: string, number: number): string {
  return `${path}.${number}`;
}
