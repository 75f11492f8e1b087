import { statSync } from "node:fs";
import { errorText } from "../../api/error-code.ts";

/** Changes when the file is replaced, written to, or made readable; empty while there is none. */
export function fileStamp(path: string): string {
  try {
    const stats = statSync(path, { throwIfNoEntry: false });
    return stats === undefined ? "" : `${stats.mtimeMs} ${stats.ctimeMs} ${stats.size} ${stats.ino}`;
  } catch (error) {
    return errorText(error);
  }
}
