import { copyFileSync, existsSync, renameSync, statSync, truncateSync } from "node:fs";

/** Logs of earlier starts that are kept beside the current one, as `NAME.log.1` (the last one) to `NAME.log.3`:
 * the number follows the ending, so that a workload whose name ends in `.1` cannot have the same file. */
const KEPT = 3;
/** A log that is written beyond this is cut; what it held becomes `NAME.log.1`. */
const MAX_BYTES = 32 * 2 ** 20;

/** Before a start: makes room at `path`, the oldest log goes. */
export function rotated(path: string): void {
  if (!existsSync(path)) return;
  shift(path);
  renameSync(path, numbered(path, 1));
}

/** While it is written: the writer keeps its file, which is how a server of ours is told from others. */
export function bounded(path: string, maxBytes: number = MAX_BYTES): void {
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
