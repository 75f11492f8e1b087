import { existsSync, readdirSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";

/** How write-file-atomic names a file before it renames it. */
const TEMP_FILE = /\.json\.\d+$/;

/** Deletes temporary files left by an agent that was killed mid-write; the originals are intact. The caller must hold the folder's lock. */
export function removeStaleTempFiles(folder: string): void {
  for (const name of readdirSync(folder)) if (TEMP_FILE.test(name)) rmSync(join(folder, name), { force: true });
}

/**
 * Deletes what writers of one file left that were killed mid-write. A writer that still lives fails, once. The folder may be gone.
 * @param path of the file itself
 */
export function removeTempFilesOf(path: string): void {
  const folder = dirname(path);
  if (!existsSync(folder)) return;
  const names = readdirSync(folder).filter((name) => name.startsWith(`${basename(path)}.`) && TEMP_FILE.test(name));
  for (const name of names) rmSync(join(folder, name), { force: true });
}
