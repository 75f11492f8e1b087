import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";

/** What write-file-atomic calls a file that it has not renamed yet. */
const TEMP_FILE = /\.json\.\d+$/;

/** Files that an agent was killed over: what they were to replace is whole. Only for a folder of which this agent has the lock. */
export function removeStaleTempFiles(folder: string): void {
  for (const name of readdirSync(folder)) if (TEMP_FILE.test(name)) rmSync(join(folder, name), { force: true });
}
