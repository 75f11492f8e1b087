import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { errorText } from "../../../api/error-code.ts";
import { fail, ok, type Result } from "../../../api/result.ts";

/** What a folder of manifests holds. Paths are relative to it. */
export interface Listing {
  /** Device and inode of the folder: another disk may be mounted there, or none. */
  readonly folderId: string;
  /** Everything that has a manifest's ending and is no folder, sorted. */
  readonly files: readonly string[];
  /** Sub-folders whose content cannot be listed, and why: one sentence each. */
  readonly unlisted: ReadonlyMap<string, string>;
  readonly notes: readonly string[];
}

/**
 * Lists a folder and its sub-folders. What is hidden is passed over (`.git`, `.Trashes`, the `..data` of a mounted ConfigMap),
 * and links to folders are not followed. Fails where the folder itself is away.
 */
export async function listManifests(folder: string): Promise<Result<Listing>> {
  const folderId = await idOf(folder);
  const files: string[] = [];
  const notes: string[] = [];
  const unlisted = new Map<string, string>();
  const open = [""];
  for (let sub = open.pop(); sub !== undefined; sub = open.pop()) {
    const entries = await entriesOf(join(folder, sub));
    if (typeof entries === "string") {
      if (sub === "") return fail(folderProblem(folder, entries));
      if (entries !== "ENOENT") unlisted.set(sub, `${sub} cannot be read (${entries}): check its permissions`);
      continue;
    }
    for (const entry of entries.filter(({ name }) => !isHidden(name))) {
      const path = join(sub, entry.name);
      if (entry.isDirectory()) open.push(path);
      if (!hasManifestEnding(entry.name)) continue;
      if (entry.isDirectory()) notes.push(`${path} is a folder, in spite of its name; the manifests in it are read`);
      else files.push(path);
    }
  }
  return ok({ folderId, files: files.sort(), unlisted, notes: notes.sort() });
}

export function isHidden(name: string): boolean {
  return name.startsWith(".");
}

export function hasManifestEnding(name: string): boolean {
  return /\.(ya?ml|json)$/.test(name);
}

async function idOf(folder: string): Promise<string> {
  const stats = await stat(folder).catch(() => undefined);
  return stats === undefined ? "" : `${stats.dev} ${stats.ino}`;
}

/** The entries, or the code of what went wrong. */
async function entriesOf(path: string) {
  try {
    return await readdir(path, { withFileTypes: true });
  } catch (error) {
    return errorText(error);
  }
}

function folderProblem(folder: string, code: string): string {
  if (code === "ENOENT") return `${folder} does not exist: waiting for it`;
  if (code === "ENOTDIR") return `${folder} is not a folder: name the folder that holds the manifests`;
  return `${folder} cannot be read (${code}): check its permissions`;
}
