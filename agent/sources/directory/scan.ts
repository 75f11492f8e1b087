import { join } from "node:path";
import { type KnownFile, knownAfter } from "./known-file.ts";
import { type Listing, listManifests } from "./list.ts";
import { readManifestFile } from "./read-file.ts";
import { combine, goneSince, NOTHING_READ, type Snapshot, withKept, withoutFolder } from "./snapshot.ts";

/** What is remembered from one look at the folder to the next. */
interface Memory {
  readonly files: ReadonlyMap<string, KnownFile>;
  readonly snapshot: Snapshot;
  /** What the last look missed for the first time. */
  readonly missed: ReadonlySet<string>;
}

export interface Scanner {
  /** Looks at the folder. One call at a time. */
  scan(): Promise<Look>;
}

export interface Look {
  readonly snapshot: Snapshot;
  /** Something was missed for the first time: look again soon. */
  readonly doubtful: boolean;
}

/**
 * Looks at a folder again and again, and reads what has changed. What is missing counts as gone when it was missed twice: a file that
 * moves from one sub-folder to another while they are listed is in neither.
 */
export function folderScanner(folder: string): Scanner {
  let memory: Memory = { files: new Map(), snapshot: NOTHING_READ, missed: new Set() };
  return {
    scan: async () => {
      memory = await lookAgain(folder, memory);
      return { snapshot: memory.snapshot, doubtful: memory.missed.size > 0 };
    },
  };
}

async function lookAgain(folder: string, before: Memory): Promise<Memory> {
  const listing = await listManifests(folder);
  if (!listing.ok) return { ...before, snapshot: withoutFolder(listing.error, before.snapshot), missed: new Set() };
  const files = await readAll(folder, listing.value, before.files);
  const found = combine(files, listing.value, before.snapshot);
  const gone = goneSince(before.snapshot, found);
  const missed = new Set([...gone].filter((key) => !before.missed.has(key)));
  return { files, snapshot: withKept(found, missed, before.snapshot), missed };
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
