import type { Dirent } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { errorText } from "../../../api/error-code.ts";
import { fail, ok, type Result } from "../../../api/result.ts";
import type { Patience } from "../../files/patience.ts";
import { slowText } from "../../files/slow.ts";

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

/** What is at one path of the tree. */
export interface FolderContent {
  readonly id: string;
  readonly entries: readonly Pick<Dirent, "name" | "isDirectory">[];
  /** Names of the links among the entries that lead to a folder. */
  readonly linkedFolders: ReadonlySet<string>;
}

/** The content of a folder, or the code of what went wrong. Never throws. */
export type ReadFolder = (path: string) => Promise<FolderContent | string>;

/** Deeper than any folder of manifests: links may make a tree endless. */
const MAX_DEPTH = 32;

/**
 * Lists a folder and its sub-folders, links to folders included; a folder that is reached in two ways is read once. What is hidden is
 * passed over (`.git`, `.Trashes`, the `..data` of a mounted ConfigMap). Fails where the folder itself is away, or does not answer.
 */
export async function listManifests(
  folder: string,
  wait: Patience<FolderContent | string>,
  read: ReadFolder = readFolder,
): Promise<Result<Listing>> {
  const found: Found = { files: [], notes: [], unlisted: new Map(), ids: new Map() };
  const open: Open[] = [{ sub: "", depth: 0, isLink: false }];
  let folderId = "";
  for (let next = open.shift(); next !== undefined; next = open.shift()) {
    const { sub } = next;
    const path = join(folder, sub);
    const waited = await wait(path, () => read(path));
    const content = waited.done ? waited.value : slowText("looking at", sub === "" ? folder : sub, waited.sinceMs);
    if (typeof content === "string") {
      if (sub === "") return fail(waited.done ? folderProblem(folder, content) : content, "unreachable");
      const problem = waited.done ? `${sub} cannot be read (${content}): check its permissions` : content;
      if (!waited.done || content !== "ENOENT") found.unlisted.set(sub, problem);
      continue;
    }
    if (sub === "") folderId = content.id;
    open.push(...take(next, content, found));
    // Links come last: what is in the tree itself goes by its own name.
    open.sort((a, b) => Number(a.isLink) - Number(b.isLink));
  }
  const { files, unlisted, notes } = found;
  return ok({ folderId, files: files.sort(), unlisted, notes: notes.sort() });
}

interface Open {
  readonly sub: string;
  readonly depth: number;
  readonly isLink: boolean;
}

interface Found {
  readonly files: string[];
  readonly notes: string[];
  readonly unlisted: Map<string, string>;
  /** The folders that were read, by device and inode. */
  readonly ids: Map<string, string>;
}

/** Takes the files of one folder; what is returned is to be read next. */
function take({ sub, depth }: Open, { id, entries, linkedFolders }: FolderContent, found: Found): readonly Open[] {
  const { files, notes, ids } = found;
  const before = ids.get(id);
  if (before !== undefined) {
    notes.push(`${sub} leads to ${before === "" ? "the folder itself" : before}, which is read already`);
    return [];
  }
  ids.set(id, sub);
  if (hasManifestEnding(sub)) notes.push(`${sub} is a folder, in spite of its name; the manifests in it are read`);
  const next: Open[] = [];
  for (const entry of entries.filter(({ name }) => !isHidden(name))) {
    const { name } = entry;
    const path = join(sub, name);
    const isLink = linkedFolders.has(name);
    if (entry.isDirectory() || isLink) {
      if (depth >= MAX_DEPTH) notes.push(`${path} is not read: it is more than ${MAX_DEPTH} folders deep`);
      else next.push({ sub: path, depth: depth + 1, isLink });
    } else if (hasManifestEnding(name)) files.push(path);
    else if (looksLikeManifest(name)) notes.push(`${path} is not read: only .yaml, .yml and .json are`);
  }
  return next;
}

export function isHidden(name: string): boolean {
  return name.startsWith(".");
}

/** In upper case too: a Mac's disk does not tell the difference. */
export function hasManifestEnding(name: string): boolean {
  return /\.(ya?ml|json)$/i.test(name);
}

/** `a.yaml.bak`, `a.jsonc`, `a.yaml~`: somebody may count on it. */
function looksLikeManifest(name: string): boolean {
  return /\.(ya?ml|json)([^a-z]|[c5l]$)/i.test(name) && !name.endsWith(".tmp");
}

export async function readFolder(path: string): Promise<FolderContent | string> {
  try {
    const { dev, ino } = await stat(path);
    const entries = await readdir(path, { withFileTypes: true });
    const linkedFolders = new Set<string>();
    for (const entry of entries) {
      if (entry.isSymbolicLink() && !isHidden(entry.name) && (await isFolder(join(path, entry.name)))) {
        linkedFolders.add(entry.name);
      }
    }
    return { id: `${dev} ${ino}`, entries, linkedFolders };
  } catch (error) {
    return errorText(error);
  }
}

function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (stats) => stats.isDirectory(),
    () => false,
  );
}

function folderProblem(folder: string, code: string): string {
  if (code === "ENOENT") return `${folder} does not exist: waiting for it`;
  if (code === "ENOTDIR") return `${folder} is not a folder: name the folder that holds the manifests`;
  return `${folder} cannot be read (${code}): check its permissions`;
}
