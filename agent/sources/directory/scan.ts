import { join } from "node:path";
import type { Result } from "../../../api/result.ts";
import { patience } from "../../files/patience.ts";
import { slowText } from "../../files/slow.ts";
import { type KnownFile, knownAfter } from "./known-file.ts";
import { type FolderContent, type Listing, listManifests, type ReadFolder, readFolder } from "./list.ts";
import { type FileReading, type FileState, readManifestFile } from "./read-file.ts";
import {
  changedByHalves,
  combine,
  goneSince,
  NOTHING_READ,
  type Snapshot,
  withKept,
  withoutFolder,
} from "./snapshot.ts";

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
 * What is missing for so long, and missed twice, counts as gone; what has changed in a file that may be half written counts as changed.
 * A file that is written in two parts lacks its last documents, fields or digits for a while, and one that moves from one sub-folder to
 * another while they are listed is in neither.
 */
export const MISSED_MS = 2000;

/** A disk that spins up takes a few seconds; what takes longer is left to a later look. */
const WAIT_MS = 2000;
/** Of folders, and of files, that hang at once. */
const MOST_HANGING = 2;

/** How the folder is read. */
export interface FolderAccess {
  readonly readFolder: ReadFolder;
  readonly readFile: (path: string, known: FileState | undefined) => Promise<FileReading>;
}

const ON_DISK: FolderAccess = { readFolder, readFile: readManifestFile };

export interface ScannerOptions {
  readonly folder: string;
  /** Monotonic time in milliseconds. */
  readonly clock: () => number;
  /** Called when something that hung has answered, so that another look would tell more. */
  readonly late?: () => void;
  readonly access?: FolderAccess;
  /** How long each folder and each file is waited for, in milliseconds; 2 s where not given. */
  readonly waitMs?: number;
}

/** Looks at a folder again and again, and reads what changed. A file that hangs keeps what it held, and holds up no other one for long. */
export function folderScanner({
  folder,
  clock,
  late = () => {},
  access = ON_DISK,
  waitMs = WAIT_MS,
}: ScannerOptions): Scanner {
  const waiting = { waitMs, mostHanging: MOST_HANGING, clock: () => performance.now(), late };
  const [folders, files] = [patience<FolderContent | string>(waiting), patience<FileReading>(waiting)];
  const look: Looking = {
    list: () => listManifests(folder, folders, access.readFolder),
    read: async (file, known) => {
      const path = join(folder, file);
      const waited = await files(path, () => access.readFile(path, known));
      return waited.done ? waited.value : { found: "hangs", sinceMs: waited.sinceMs };
    },
  };
  let memory: Memory = { folderId: "", files: new Map(), snapshot: NOTHING_READ, missedSince: new Map() };
  return {
    scan: async () => {
      memory = await lookAgain(folder, look, memory, clock());
      return { snapshot: memory.snapshot, doubtful: memory.missedSince.size > 0 };
    },
  };
}

interface Looking {
  readonly list: () => Promise<Result<Listing>>;
  readonly read: (file: string, known: FileState | undefined) => Promise<FileReading | Hanging>;
}

interface Hanging {
  readonly found: "hangs";
  readonly sinceMs: number;
}

async function lookAgain(folder: string, look: Looking, before: Memory, now: number): Promise<Memory> {
  const listing = await look.list();
  if (!listing.ok)
    return { ...before, snapshot: withoutFolder(listing.error, before.snapshot), missedSince: new Map() };
  if (isUnmounted(listing.value, before)) {
    const problem = `${folder} is another folder than before, and an empty one, as where a disk is not mounted: restart the agent if nothing is to run`;
    return { ...before, snapshot: withoutFolder(problem, before.snapshot), missedSince: new Map() };
  }
  const { folderId } = listing.value;
  const { files, hanging } = await readAll(look, listing.value, before.files);
  const found = combine(files, { ...listing.value, hanging }, before.snapshot);
  const doubted = new Set([...goneSince(before.snapshot, found), ...changedByHalves(before.snapshot, found, files)]);
  const missing = [...doubted].map((key) => [key, before.missedSince.get(key) ?? now] as const);
  const missedSince = new Map(missing.filter(([, since]) => now - since < MISSED_MS));
  return { folderId, files, snapshot: withKept(found, new Set(missedSince.keys()), before.snapshot), missedSince };
}

/** A folder that is replaced by an empty one has not been emptied by anybody. */
function isUnmounted({ folderId, files }: Listing, before: Memory): boolean {
  return files.length === 0 && before.snapshot.manifests.size > 0 && folderId !== before.folderId;
}

async function readAll(
  look: Looking,
  { files, unlisted }: Listing,
  before: ReadonlyMap<string, KnownFile>,
): Promise<{ readonly files: ReadonlyMap<string, KnownFile>; readonly hanging: ReadonlyMap<string, string> }> {
  const known = new Map<string, KnownFile>();
  const hanging = new Map<string, string>();
  const renamed = renamedFrom(before, new Set(files));
  for (const file of files) {
    const was = before.get(file);
    const reading = await look.read(file, was);
    if (reading.found === "hangs") hanging.set(file, slowText("reading", file, reading.sinceMs));
    const after =
      reading.found === "hangs"
        ? (was ?? NEVER_READ)
        : knownAfter(reading, was ?? ("inode" in reading ? renamed.get(reading.inode) : undefined));
    if (after !== undefined) known.set(file, after);
  }
  for (const [file, was] of before) {
    if ([...unlisted.keys()].some((sub) => file.startsWith(join(sub, "/")))) known.set(file, was);
  }
  return { files: known, hanging };
}

/** Of a file that hangs: nobody knows what is in it. */
const NEVER_READ: KnownFile = { inode: "", stamp: "", documents: [], kept: [], told: false };

/** By inode, the files that are not there any more under their names. */
function renamedFrom(
  before: ReadonlyMap<string, KnownFile>,
  names: ReadonlySet<string>,
): ReadonlyMap<string, KnownFile> {
  return new Map([...before].filter(([file]) => !names.has(file)).map(([, was]) => [was.inode, was]));
}
