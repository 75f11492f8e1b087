import { readFile, stat } from "node:fs/promises";
import writeFileAtomic from "write-file-atomic";
import * as z from "zod";
import { type FileIdentity, strongEtag } from "../../fetch/http-part.ts";

/** A version of a remote file whose content was seen whole. */
export interface KnownVersion {
  readonly etag: string;
  readonly fileBytes: number;
  /** Lower case; undefined where nobody has asked for it yet. */
  readonly sha256?: string | undefined;
}

const notesSchema = z.strictObject({
  versions: z.array(z.strictObject({ etag: z.string(), fileBytes: z.int().positive(), sha256: z.string().optional() })),
  /** Of the file that is served to who names no sha256: what was found when it was checked for somebody who names one. */
  checked: z.strictObject({ stamp: z.string(), sha256: z.string() }).optional(),
});
/** What is known of a source, for the next agent too. */
type Notes = z.output<typeof notesSchema>;

/** A source that has had more of them than anybody asks about. */
const MOST = 8;

/** What is known of the versions of a source, newest first. What cannot be read or understood is not known. */
export async function readVersions(path: string): Promise<readonly KnownVersion[]> {
  return (await readNotes(path)).versions;
}

export async function rememberVersion(path: string, version: KnownVersion): Promise<void> {
  const notes = await readNotes(path);
  const others = notes.versions.filter((other) => !isSame(other, version));
  await writeNotes(path, { ...notes, versions: [version, ...others].slice(0, MOST) });
}

/** Remembers what the file has, and so what the version has that came without a sha256. */
export async function rememberChecked(path: string, file: string, sha256: string): Promise<void> {
  const stamp = await stampOf(file);
  if (stamp === undefined) return;
  const { versions } = await readNotes(path);
  await writeNotes(path, {
    versions: versions.map((version) => ({ ...version, sha256: version.sha256 ?? sha256 })),
    checked: { stamp, sha256 },
  });
}

/** The sha256 that the file had when it was checked; undefined where it was not, or was changed since. */
export async function checkedSha256(path: string, file: string): Promise<string | undefined> {
  const { checked } = await readNotes(path);
  return checked !== undefined && checked.stamp === (await stampOf(file)) ? checked.sha256 : undefined;
}

/** The sha256 of this version, where it is known. Only a strong ETag stands for the very bytes. */
export function knownSha256(versions: readonly KnownVersion[], identity: FileIdentity): string | undefined {
  const etag = strongEtag(identity);
  if (etag === undefined) return undefined;
  return versions.find((version) => isSame(version, { etag, fileBytes: identity.fileBytes }))?.sha256;
}

function isSame(one: KnownVersion, other: KnownVersion): boolean {
  return one.etag === other.etag && one.fileBytes === other.fileBytes;
}

async function readNotes(path: string): Promise<Notes> {
  try {
    return notesSchema.parse(JSON.parse(await readFile(path, "utf8")));
  } catch {
    return { versions: [] };
  }
}

/** A folder that cannot be written costs a download, or a check, and nothing else. */
async function writeNotes(path: string, notes: Notes): Promise<void> {
  await writeFileAtomic(path, `${JSON.stringify(notes)}\n`, { mode: 0o600, fsync: false }).catch(() => {});
}

async function stampOf(file: string): Promise<string | undefined> {
  const stats = await stat(file).catch(() => undefined);
  return stats && `${stats.ino} ${stats.size} ${stats.mtimeMs}`;
}
