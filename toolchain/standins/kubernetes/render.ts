import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import writeFileAtomic from "write-file-atomic";
import type { Properties } from "../values.ts";
import { type Identity, manifestPath, manifestYaml } from "./manifest.ts";

/**
 * Writes the object's manifest atomically and returns its path. Only the owner can read the file, because it may hold
 * secrets.
 */
export async function writeManifest(directory: string, identity: Identity, inputs: Properties): Promise<string> {
  const path = join(directory, manifestPath(identity));
  try {
    for (const folder of ["0-crd", "1-manifest"]) {
      await mkdir(join(directory, folder), { recursive: true, mode: 0o700 });
    }
    await writeFileAtomic(path, manifestYaml(inputs), { mode: 0o600 });
  } catch (error) {
    throw new Error(`cannot write the manifest ${path}: ${error instanceof Error ? error.message : String(error)}`);
  }
  return path;
}

/** Removes the object's manifest, if it still exists. */
export async function removeManifest(directory: string, identity: Identity): Promise<string> {
  const path = join(directory, manifestPath(identity));
  try {
    await rm(path, { force: true });
  } catch (error) {
    throw new Error(`cannot remove the manifest ${path}: ${error instanceof Error ? error.message : String(error)}`);
  }
  return path;
}
