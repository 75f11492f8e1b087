import { isDeepStrictEqual } from "node:util";
import { type Identity, identityText } from "../../../api/identity.ts";
import type { Manifest } from "../../workload/manifest.ts";
import type { ManifestDocument } from "./documents.ts";
import { identityOfDocument, type KnownFile } from "./known-file.ts";
import type { Listing } from "./list.ts";

/** All that is wanted, as far as it could be read. Keys are `Kind namespace/name`. */
export interface Snapshot {
  /** In force. */
  readonly manifests: ReadonlyMap<string, Manifest>;
  /** Objects that are there, but of which this agent has read no good version. */
  readonly unreadable: ReadonlyMap<string, Unreadable>;
  /** Whether it is known of everything in the folder which object it is. */
  readonly synced: boolean;
  /** One sentence each, naming the file. */
  readonly problems: readonly string[];
  readonly notes: readonly string[];
}

export interface Unreadable {
  readonly identity: Identity;
  /** One sentence. */
  readonly problem: string;
}

export const NOTHING_READ: Snapshot = {
  manifests: new Map(),
  unreadable: new Map(),
  synced: false,
  problems: [],
  notes: [],
};

/** A document that says which object it is about, and where it stands. */
interface Claim {
  readonly file: string;
  readonly identity: Identity;
  /** A manifest, or a sentence on what is wrong with it. */
  readonly content: Manifest | string;
}

interface Hanging {
  /** Files that do not answer: one sentence each. */
  readonly hanging: ReadonlyMap<string, string>;
}

const LAST_GOOD = "; its last good version stays in force";

/**
 * All files together. What cannot be read keeps what it was, each object for itself; an object that was never read is
 * unreadable. Which of two documents of one object is meant is not ours to guess: what was in force before them stays.
 */
export function combine(
  files: ReadonlyMap<string, KnownFile>,
  { unlisted, notes, hanging }: Pick<Listing, "unlisted" | "notes"> & Hanging,
  before: Snapshot,
): Snapshot {
  const manifests = new Map<string, Manifest>();
  const unreadable = new Map<string, Unreadable>();
  const problems: string[] = [
    ...unlisted.values(),
    ...hanging.values(),
    ...[...files].flatMap((file) => problemsOf(file, before)),
  ];
  const keep = (key: string, instead: Unreadable | undefined) => {
    const good = before.manifests.get(key);
    if (good !== undefined) manifests.set(key, good);
    else if (instead !== undefined) unreadable.set(key, instead);
  };
  const claims = claimsOf(files);
  for (const [key, [claim, ...others]] of claims) {
    if (others.length > 0) {
      const problem = claimedTwice(key, [claim, ...others]);
      const inForce = before.manifests.has(key) ? "; the version that was read before stays in force" : "";
      problems.push(problem + inForce);
      keep(key, { identity: claim.identity, problem: printable(problem) });
    } else if (typeof claim.content === "string") {
      keep(key, { identity: claim.identity, problem: printable(claim.content) });
    } else manifests.set(key, claim.content);
  }
  for (const key of [...files.values()].flatMap(({ kept }) => kept.map(identityText))) {
    if (!claims.has(key)) keep(key, before.unreadable.get(key));
  }
  const synced = unlisted.size === 0 && [...files.values()].every(({ told }) => told);
  const allNotes = [...notes, ...[...files].flatMap(notesOf)];
  return { manifests, unreadable, synced, problems: problems.map(printable), notes: allNotes.map(printable) };
}

/** Names of files, and what stands in them, may hold what a terminal obeys. */
function printable(sentence: string): string {
  return sentence.replace(/\p{Cc}/gu, "\ufffd");
}

/** The folder is away, which is no deletion of what was in it: an unmounted disk, a checkout that is being replaced. */
export function withoutFolder(problem: string, { manifests, unreadable }: Snapshot): Snapshot {
  const inForce = manifests.size === 0 ? "" : "; what was last read there stays in force";
  return { manifests, unreadable, synced: false, problems: [problem + inForce], notes: [] };
}

/** What was in force and is not there any more. */
export function goneSince(before: Snapshot, now: Snapshot): ReadonlySet<string> {
  return new Set([...before.manifests.keys()].filter((key) => !now.manifests.has(key)));
}

/** What is in force in another version than the one that a file has which may be half written. */
export function changedByHalves(
  before: Snapshot,
  now: Snapshot,
  files: ReadonlyMap<string, KnownFile>,
): ReadonlySet<string> {
  const halves = new Map([...files].filter(([, { mayBeHalf }]) => mayBeHalf === true));
  const keys = [...claimsOf(halves).keys()];
  return new Set(
    keys.filter((key) => {
      const inForce = before.manifests.get(key);
      return inForce !== undefined && !isDeepStrictEqual(inForce, now.manifests.get(key));
    }),
  );
}

/** The snapshot with `keys` of what was in force before. */
export function withKept(now: Snapshot, keys: ReadonlySet<string>, before: Snapshot): Snapshot {
  if (keys.size === 0) return now;
  const kept = [...before.manifests].filter(([key]) => keys.has(key));
  return { ...now, manifests: new Map([...now.manifests, ...kept]) };
}

function claimsOf(files: ReadonlyMap<string, KnownFile>): ReadonlyMap<string, readonly [Claim, ...Claim[]]> {
  const claims = new Map<string, [Claim, ...Claim[]]>();
  for (const [file, { documents }] of files) {
    for (const document of documents) {
      const claim = claimIn(file, document);
      if (claim === undefined) continue;
      const key = identityText(claim.identity);
      const sofar = claims.get(key);
      if (sofar === undefined) claims.set(key, [claim]);
      else sofar.push(claim);
    }
  }
  return claims;
}

function claimIn(file: string, document: ManifestDocument): Claim | undefined {
  const identity = identityOfDocument(document);
  if (identity === undefined) return undefined;
  if (document.is === "manifest") return { file, identity, content: document.manifest };
  return document.is === "faulty" ? { file, identity, content: `${file}: ${document.problem}` } : undefined;
}

function claimedTwice(key: string, claims: readonly Claim[]): string {
  const where = [...new Set(claims.map(({ file }) => file))].join(" and ");
  return `${key} is defined more than once, in ${where}: keep one of them`;
}

function problemsOf([name, { documents, kept, problem }]: readonly [string, KnownFile], before: Snapshot): string[] {
  const inForce = (objects: readonly Identity[]) =>
    objects.some((identity) => before.manifests.has(identityText(identity))) ? LAST_GOOD : "";
  const whole = problem === undefined ? [] : [`${name}: ${problem}${inForce(kept)}`];
  const parts = documents.flatMap((document) => {
    if (document.is === "faulty") return [`${name}: ${document.problem}${inForce([document.identity])}`];
    if (document.is !== "unidentified") return [];
    return [`${name}: ${document.problem}${inForce(kept)}`];
  });
  return [...whole, ...parts];
}

function notesOf([name, { documents }]: readonly [string, KnownFile]): readonly string[] {
  return documents.flatMap((document) => ("note" in document ? [`${name}: ${document.note}`] : []));
}
