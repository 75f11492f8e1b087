import { randomBytes } from "node:crypto";
import { constants, type Stats } from "node:fs";
import { chmod, lstat, mkdir, open, opendir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { errorCode, errorText } from "../../api/error-code.ts";
import { type Claim, MOST_CLAIM_BYTES, parseClaim, parseClaimName } from "./claim.ts";

/** Everybody may write, and only its owner may remove a file. */
const MODE = 0o1777;

/** More files than this are not looked at: nobody has so many agents. */
const MOST_CLAIMS = 256;
const MOST_ENTRIES = 4096;

/** A file of the claims folder. */
export interface ClaimFile {
  readonly path: string;
  readonly fileName: string;
  readonly key: string;
  /** Pid of the agent, by the name of the file. */
  readonly pid: number;
  /** User who owns the file. */
  readonly uid: number;
  /** Undefined if it cannot be read or is damaged. */
  readonly claim: Claim | undefined;
  /** Why there is no claim: `EACCES`, `damaged`. */
  readonly fault?: string;
}

export interface ClaimsFolder {
  readonly files: readonly ClaimFile[];
  /** Names of files that an agent was killed over. */
  readonly unfinished: readonly string[];
  /** Whether there are more files than are looked at. */
  readonly overfull: boolean;
}

/** Makes the folder where it is missing. Throws a sentence if it is something else. */
export async function makeClaimsFolder(folder: string): Promise<void> {
  const made = await mkdir(folder, { recursive: true });
  if (made !== undefined) return chmod(folder, MODE);
  if (!(await lstat(folder)).isDirectory()) throw new Error(`${folder} is not a folder`);
}

/** Reads all claims. A folder that does not exist holds none. Throws if it cannot be read. */
export async function readClaims(folder: string): Promise<ClaimsFolder> {
  const names: string[] = [];
  const unfinished: string[] = [];
  let entries = 0;
  try {
    for await (const entry of await opendir(folder)) {
      entries += 1;
      if (entry.isFile() && parseClaimName(entry.name) !== undefined) names.push(entry.name);
      if (entry.name.endsWith(UNFINISHED)) unfinished.push(entry.name);
      if (names.length > MOST_CLAIMS || entries > MOST_ENTRIES) break;
    }
  } catch (error) {
    if (errorCode(error) === "ENOENT") return { files: [], unfinished: [], overfull: false };
    throw error;
  }
  const files: ClaimFile[] = [];
  for (const name of names.slice(0, MOST_CLAIMS)) {
    const file = await readClaimFile(folder, name);
    if (file !== undefined) files.push(file);
  }
  return { files, unfinished, overfull: names.length > MOST_CLAIMS || entries > MOST_ENTRIES };
}

const UNFINISHED = ".unfinished";

/**
 * Writes a claim that all users can read, whole or not at all. Whoever owns the folder could put a link in the place of any file, so
 * that nothing is written through a name that exists.
 */
export async function writeClaim(path: string, text: string): Promise<void> {
  const unfinished = `${path}-${randomBytes(4).toString("hex")}${UNFINISHED}`;
  const file = await open(unfinished, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW);
  try {
    await file.writeFile(text);
    await file.chmod(0o644);
  } finally {
    await file.close();
  }
  try {
    await rename(unfinished, path);
  } catch (error) {
    await rm(unfinished, { force: true });
    throw error;
  }
}

/** Undefined for a file that has gone meanwhile, or is no regular file. */
async function readClaimFile(folder: string, fileName: string): Promise<ClaimFile | undefined> {
  const name = parseClaimName(fileName);
  const path = join(folder, fileName);
  const stats = await lstat(path).catch(() => undefined);
  if (name === undefined || stats?.isFile() !== true) return undefined;
  const file = { path, fileName, ...name };
  try {
    const { text, owner } = await textOf(path);
    const claim = parseClaim(text);
    return { ...file, uid: owner.uid, claim, ...(claim === undefined && { fault: "damaged" }) };
  } catch (error) {
    return errorCode(error) === "ENOENT"
      ? undefined
      : { ...file, uid: stats.uid, claim: undefined, fault: errorText(error) };
  }
}

/** Opens neither a link nor, without waiting, a pipe that somebody put in its place. */
async function textOf(path: string): Promise<{ readonly text: string; readonly owner: Stats }> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const owner = await file.stat();
    if (!owner.isFile()) throw new Error("not a regular file");
    const { buffer, bytesRead } = await file.read(Buffer.alloc(MOST_CLAIM_BYTES + 1), 0, MOST_CLAIM_BYTES + 1, 0);
    if (bytesRead > MOST_CLAIM_BYTES) throw new Error(`larger than ${MOST_CLAIM_BYTES / 1024} KiB`);
    return { text: buffer.toString("utf8", 0, bytesRead), owner };
  } finally {
    await file.close();
  }
}
