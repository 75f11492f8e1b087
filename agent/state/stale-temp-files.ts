import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";

/** How write-file-atomic names a file before it renames it. */
const TEMP_FILE = /\.json\.\d+$/;

/** Deletes temporary files left by an agent that was killed mid-write; the originals are intact. The caller must hold the folder's lock. */
export function removeStaleTempFiles(folder: string): void {
  for (const name of readdirSync(folder)) if (TEMP_FILE.test(name)) rmSync(join(folder, name), { force: true });
}
