import { join } from "node:path";
import { type KnownFile, knownAfter } from "./known-file.ts";
import { type Listing, listManifests } from "./list.ts";
import { readManifestFile } from "./read-file.ts";
import { combine, goneSince, NOTHING_READ, type Snapshot, withKept, withoutFolder } from "./snapshot.ts";

/** What is remembered from one look at the folder to the next. */
interface Memory {
  /** Of the folder whose manifests are in force. */
  readonly folderId: string;
  readonly files: ReadonlyMap<string, KnownFile>;
  readonly snapshot: Snapshot;
  /** What the last look missed, by when it was missed first, in milliseconds of the clock. */
  readonly missedSince: ReadonlyMap<string, number>;
}

export interface Scanner {
  /** Looks at the folder. One call at a time. */
  scan(): Promise<Look>;
}

export interface Look {
  readonly snapshot: Snapshot;
  /** Something is missing, and it is too early to call it gone: look again in {@link MISSED_MS}. */
  readonly doubtful: boolean;
}

/**
 * What is missing for so long, and missed twice, counts as gone. A file that is written in two parts lacks its last documents for a while,
 * and one that moves from one sub-folder to another while they are listed is in neither.
 */
export const MISSED_MS = 2000;

/**
 * Looks at a folder again and again, and reads what has changed.
 *
 * @param clock monotonic time in milliseconds
 */
export function folderScanner(folder: string, clock: () => number): Scanner {
  let memory: Memory = { folderId: "", files: new Map(), snapshot: NOTHING_READ, missedSince: new Map() };
  return {
    scan: async () => {
      memory = await lookAgain(folder, memory, clock());
      return { snapshot: memory.snapshot, doubtful: memory.missedSince.size > 0 };
    },
  };
}

async function lookAgain(folder: string, before: Memory, now: number): Promise<Memory> {
  const listing = await listManifests(folder);
  if (!listing.ok)
    return { ...before, snapshot: withoutFolder(listing.error, before.snapshot), missedSince: new Map() };
  if (isUnmounted(listing.value, before)) {
    const problem = `${folder} is another folder than before, and an empty one, as where a disk is not mounted: restart the agent if nothing is to run`;
    return { ...before, snapshot: withoutFolder(problem, before.snapshot), missedSince: new Map() };
  }
  const { folderId } = listing.value;
  const files = await readAll(folder, listing.value, before.files);
  const found = combine(files, listing.value, before.snapshot);
  const missing = [...goneSince(before.snapshot, found)].map(
    (key) => [key, before.missedSince.get(key) ?? now] as const,
  );
  const missedSince = new Map(missing.filter(([, since]) => now - since < MISSED_MS));
  return { folderId, files, snapshot: withKept(found, new Set(missedSince.keys()), before.snapshot), missedSince };
}

/** A folder that is replaced by an empty one has not been emptied by anybody. */
function isUnmounted({ folderId, files }: Listing, before: Memory): boolean {
  return files.length === 0 && before.snapshot.manifests.size > 0 && folderId !== before.folderId;
}

async function readAll(
  folder: string,
  { files, unlisted }: Listing,
  before: ReadonlyMap<string, KnownFile>,
): Promise<ReadonlyMap<string, KnownFile>> {
  const known = new Map<string, KnownFile>();
  const renamed = renamedFrom(before, new Set(files));
  for (const file of files) {
    const path = join(folder, file);
    const reading = await readManifestFile(path, before.get(file));
    const after = knownAfter(
      reading,
      before.get(file) ?? ("inode" in reading ? renamed.get(reading.inode) : undefined),
    );
    if (after !== undefined) known.set(file, after);
  }
  for (const [file, was] of before) {
    if ([...unlisted.keys()].some((sub) => file.startsWith(join(sub, "/")))) known.set(file, was);
  }
  return known;
}

/** By inode, the files that are not there any more under their names. */
function renamedFrom(
  before: ReadonlyMap<string, KnownFile>,
  names: ReadonlySet<string>,
): ReadonlyMap<string, KnownFile> {
  return new Map([...before].filter(([file]) => !names.has(file)).map(([, was]) => [was.inode, was]));
}
