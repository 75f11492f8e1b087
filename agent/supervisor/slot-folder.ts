import { chmodSync, lstatSync, mkdirSync, type Stats } from "node:fs";
import { chmod, lstat, open, readdir, readFile, rename, rm, statfs } from "node:fs/promises";
import { join } from "node:path";
import writeFileAtomic from "write-file-atomic";
import * as z from "zod";
import { errorText } from "../../api/error-code.ts";
import { fail, ok, type Result } from "../../api/result.ts";
import type { FoundFile, Kept, SavedFile } from "../decisions/saved-slots.ts";

/** Version of the format. What has another one is discarded. */
const VERSION = 1;

/** Names what was saved of a workload. It is written last: without it, files are nobody's. */
const SIDE_FILE = "saved.json";
/** Its name while it is being restored, so that a file that ends its server ends it once. */
const TAKEN = "taken.json";
const MOST_BYTES = 2 ** 16;
const MOST_FILES = 1024;

const savedSchema = z.object({
  version: z.literal(VERSION),
  digest: z.string().max(128),
  savedAt: z.int().min(0),
  files: z
    .array(
      z.object({
        slot: z.int().min(0),
        name: z.string().regex(/^[0-9a-f]{1,64}-\d{1,6}\.slot$/),
        tokens: z.int().min(1),
        bytes: z.int().min(1),
        writtenAt: z.number(),
      }),
    )
    .min(1)
    .max(MOST_FILES),
});

/** What was saved of one workload. No text of a prompt is in it. */
export interface Saved {
  /** Of all that a cache depends on. */
  readonly digest: string;
  /** Milliseconds since 1970. */
  readonly savedAt: number;
  readonly files: readonly SavedFile[];
}

/**
 * Makes the folder for this user alone, with those above it. Synchronous, as a start needs it. Fails with one sentence where it is, or cannot
 * be made, no such folder: a link, or somebody else's.
 */
export function makePrivate(path: string): Result<void> {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    const stats = lstatSync(path);
    if (!stats.isDirectory()) return fail(`${path} is a link or no folder: remove it`);
    if (stats.uid !== process.getuid?.()) return fail(`${path} belongs to another user: remove it`);
    if ((stats.mode & 0o777) !== 0o700) chmodSync(path, 0o700);
    return ok(undefined);
  } catch (error) {
    return fail(`${path} cannot be used (${errorText(error)}): look at its disk and rights`);
  }
}

/** An empty file for this user alone, which llama-server then writes to. Throws where there is something of that name. */
export async function makeFile(folder: string, name: string): Promise<void> {
  const file = await open(join(folder, name), "wx", 0o600);
  await file.close();
}

/** Writes its content through to the disk, and says what it is then; undefined: it is no file. Only its user may read it afterwards. */
export async function settledFile(folder: string, name: string): Promise<FoundFile> {
  const path = join(folder, name);
  if ((await lookAt(path)) === undefined) return undefined;
  await chmod(path, 0o600);
  const file = await open(path, "r+");
  try {
    await file.sync();
  } finally {
    await file.close();
  }
  return foundIn(await lookAt(path));
}

export async function filesIn(folder: string, names: readonly string[]): Promise<ReadonlyMap<string, FoundFile>> {
  const looks = names.map(async (name) => [name, foundIn(await lookAt(join(folder, name)))] as const);
  return new Map(await Promise.all(looks));
}

export async function bytesOf(folder: string, name: string): Promise<number> {
  return (await lookAt(join(folder, name)))?.size ?? 0;
}

async function lookAt(path: string): Promise<Stats | undefined> {
  const stats = await lstat(path).catch(() => undefined);
  return stats?.isFile() && stats.nlink === 1 ? stats : undefined;
}

function foundIn(stats: Stats | undefined): FoundFile {
  return stats === undefined ? undefined : { bytes: stats.size, writtenAt: stats.mtimeMs };
}

/** From here on what was saved counts. */
export async function writeSaved(folder: string, saved: Saved): Promise<void> {
  const text = `${JSON.stringify({ version: VERSION, ...saved })}\n`;
  await writeFileAtomic(join(folder, SIDE_FILE), text, { mode: 0o600, fsync: true });
}

/** Takes out what was saved, so that nobody finds it again. `damaged`: it cannot be read; undefined: nothing was saved. */
export async function takeSaved(folder: string): Promise<Saved | "damaged" | undefined> {
  const read = await readSaved(folder, SIDE_FILE);
  if (read === undefined) return undefined;
  await rename(join(folder, SIDE_FILE), join(folder, TAKEN));
  return read;
}

async function readSaved(folder: string, name: string): Promise<Saved | "damaged" | undefined> {
  const path = join(folder, name);
  const stats = await lstat(path).catch(() => undefined);
  if (stats === undefined) return undefined;
  if (!stats.isFile() || stats.size > MOST_BYTES) return "damaged";
  try {
    return savedSchema.parse(JSON.parse(await readFile(path, "utf8")));
  } catch {
    return "damaged";
  }
}

/** Removes all that is in the folder. */
export async function emptyFolder(folder: string): Promise<void> {
  const names = await readdir(folder).catch(() => []);
  await Promise.all(names.map((name) => rm(join(folder, name), { recursive: true, force: true })));
}

export async function removeFolder(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true });
}

/** What is kept below `root`. All else there is removed: an agent that was killed leaves files without a side-file. */
export async function sweep(root: string): Promise<readonly Kept[]> {
  const entries = await readdir(root, { withFileTypes: true }).catch(() => []);
  const kept = await Promise.all(
    entries.map(async (entry) => {
      const path = join(root, entry.name);
      const saved = entry.isDirectory() ? await readSaved(path, SIDE_FILE) : undefined;
      if (saved === undefined || saved === "damaged") {
        await removeFolder(path);
        return [];
      }
      const named = new Set([SIDE_FILE, ...saved.files.map(({ name }) => name)]);
      const others = (await readdir(path)).filter((name) => !named.has(name));
      await Promise.all(others.map((name) => rm(join(path, name), { recursive: true, force: true })));
      const bytes = saved.files.reduce((sum, file) => sum + file.bytes, 0);
      return [{ key: entry.name, bytes, savedAt: saved.savedAt }];
    }),
  );
  return kept.flat();
}

/** The disk of the folder, in bytes. */
export async function diskOf(folder: string): Promise<{ readonly freeBytes: number; readonly diskBytes: number }> {
  const { bavail, blocks, bsize } = await statfs(folder);
  return { freeBytes: bavail * bsize, diskBytes: blocks * bsize };
}
