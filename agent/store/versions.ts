import { readFile } from "node:fs/promises";
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

const versionsSchema = z.array(
  z.strictObject({ etag: z.string(), fileBytes: z.int().positive(), sha256: z.string().optional() }),
);

/** A source that has had more of them than anybody asks about. */
const MOST = 8;

/** What is known of the versions of a source, newest first. What cannot be read or understood is not known. */
export async function readVersions(path: string): Promise<readonly KnownVersion[]> {
  try {
    return versionsSchema.parse(JSON.parse(await readFile(path, "utf8")));
  } catch {
    return [];
  }
}

/** Remembers a version, for the next agent too. A folder that cannot be written costs a download and nothing else. */
export async function rememberVersion(path: string, version: KnownVersion): Promise<void> {
  const others = (await readVersions(path)).filter((other) => !isSame(other, version));
  const text = JSON.stringify([version, ...others].slice(0, MOST));
  await writeFileAtomic(path, `${text}\n`, { mode: 0o600, fsync: false }).catch(() => {});
}

/** Remembers the sha256 of the version that came without one, once somebody has asked for it. */
export async function rememberSha256(path: string, sha256: string): Promise<void> {
  for (const version of await readVersions(path)) {
    if (version.sha256 === undefined) await rememberVersion(path, { ...version, sha256 });
  }
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
