import { type Stats, statSync } from "node:fs";
import { errorText } from "../../api/error-code.ts";

/** Changes when the file is replaced or written to; empty while there is none. */
export function contentStamp(path: string): string {
  return stampOf(path, ({ mtimeMs, size, ino }) => `${mtimeMs} ${size} ${ino}`);
}

/** Changes also when the file is made readable. Other tools change it too, so it is a reason to look at a failure again, and at no more. */
export function changeStamp(path: string): string {
  return stampOf(path, ({ ctimeMs }) => String(ctimeMs));
}

function stampOf(path: string, read: (stats: Stats) => string): string {
  try {
    const stats = statSync(path, { throwIfNoEntry: false });
    return stats === undefined ? "" : read(stats);
  } catch (error) {
    return errorText(error);
  }
}
