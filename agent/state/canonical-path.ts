import { realpathSync } from "node:fs";
import { basename, dirname, join } from "node:path";

/**
 * The one name of a file or folder, by which anything that belongs to it is keyed: without links, as `/tmp` is one on macOS, and with the
 * letters that a file system has on the disk which takes others for the same. What does not exist yet, or cannot be looked at, keeps its
 * name, in the folder that is there.
 *
 * @param path absolute
 */
export function canonicalPath(path: string): string {
  try {
    return realpathSync.native(path);
  } catch {
    const folder = dirname(path);
    return folder === path ? path : join(canonicalPath(folder), basename(path));
  }
}
