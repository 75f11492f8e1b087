import { rmSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

const folders = new Set<string>();

/**
 * A fresh folder that is removed when this process ends, however the test ends. May be called in tests and in hooks.
 * @param parent where to make it; the system's folder for temporary files by default
 */
export async function temporaryDirectory(parent: string = tmpdir()): Promise<string> {
  if (folders.size === 0) process.once("exit", removeAll);
  const folder = await mkdtemp(join(parent, "pulumi-llmkube-"));
  folders.add(folder);
  return folder;
}

function removeAll(): void {
  for (const folder of folders) {
    try {
      rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
    } catch (error) {
      console.warn(`${folder} could not be removed: ${error instanceof Error ? error.message : error}`);
    }
  }
}
