import { mkdir, rename, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import lockfile from "proper-lockfile";
import { errorCode, errorText } from "../../api/error-code.ts";
import { type Failure, fail, failIn } from "../../api/result.ts";
import { type FileIdentity, strongEtag } from "../../fetch/http-part.ts";
import type { HttpLocation } from "../../fetch/locate.ts";
import { failureOf, Refusal } from "../../fetch/refusal.ts";
import { fileDigest } from "./digest.ts";
import type { StoreLimits } from "./limits.ts";
import { openPartFile, type PartFile, partPath, removePart, removeSidecar } from "./part-file.ts";
import { progressText, rateMeter } from "./progress.ts";
import { bytesIn, frontier } from "./ranges.ts";
import { checkFloor, checkSpaceFor } from "./space.ts";
import { knownSha256, readVersions, rememberVersion } from "./versions.ts";

export interface Download {
  readonly location: HttpLocation;
  /** Where the whole, checked file appears; `.part` is filled until then. */
  readonly path: string;
  readonly sha256: string | undefined;
  /** Where it is remembered what was seen of the source: a version that is known to be another file is not fetched again. */
  readonly versionsPath?: string;
  readonly limits: StoreLimits;
  readonly signal: AbortSignal;
  readonly progress: (message: string) => void;
}

const MAGIC = Buffer.from("GGUF");
/** Nothing smaller can be a header. */
const SMALLEST = 24;
/** Of what is hashed in one go while bytes come, so that a resumed download does not wait for it. */
const HASH_AHEAD_BYTES = 2 ** 28;

/** What came is not what was asked for: none of it is kept. */
class BadContent extends Refusal {}

/**
 * Downloads a file; undefined when it is in place. Size, magic and sha256 are checked before the file
 * gets its name, so a file with that name is whole (LLMKube#642). What came of a download that broke off is kept, and
 * the next one goes on from there. Of several agents with one models folder one downloads, and the others wait for it.
 */
export async function download(job: Download): Promise<Failure | undefined> {
  const { name } = job.location;
  const folder = dirname(job.path);
  const stolen = new AbortController();
  const signal = AbortSignal.any([job.signal, stolen.signal]);
  try {
    await mkdir(folder, { recursive: true });
    const unlock = await lockPart(job, signal, () => stolen.abort());
    try {
      if (!(await exists(job.path))) await fetchWhole({ ...job, signal }, stolen.signal);
    } finally {
      await unlock().catch(() => {});
    }
    return undefined;
  } catch (error) {
    if (job.signal.aborted) return fail(`the download of ${name} was cancelled`, "interrupted");
    if (stolen.signal.aborted) return fail(`the download of ${name} was taken over by another agent`, "interrupted");
    return downloadFailure(error, name, folder);
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

const LOCK_RETRY_MS = 1000;

/** Held while a `.part` is written; a lock that a killed agent left is waited out. The value releases it. */
async function lockPart(
  { path, progress, limits }: Download,
  signal: AbortSignal,
  lost: () => void,
): Promise<() => Promise<void>> {
  const options = { realpath: false, stale: limits.lockStaleMs, onCompromised: lost };
  for (;;) {
    try {
      return await lockfile.lock(partPath(path), options);
    } catch (error) {
      if (errorCode(error) !== "ELOCKED") throw error;
      progress("another agent is downloading it");
      await sleep(LOCK_RETRY_MS, undefined, { signal });
    }
  }
}

async function fetchWhole(job: Download, stolen: AbortSignal): Promise<void> {
  const part = await openPartFile(job.path);
  try {
    await receive(job, part);
    await part.file.chmod(0o644 & ~process.umask());
    await part.file.sync();
    job.signal.throwIfAborted();
    await rename(partPath(job.path), job.path);
    await removeSidecar(job.path);
  } catch (error) {
    // The part of a lock that was lost is another agent's.
    if (!stolen.aborted) await keepUseful(job, part, error);
    throw error;
  } finally {
    await part.file.close();
  }
}

/** Keeps what the next try can go on from. */
async function keepUseful({ path, sha256 }: Download, part: PartFile, error: unknown): Promise<void> {
  if (error instanceof BadContent || !isResumable(part, sha256) || part.done().length === 0) return removePart(path);
  // On a full disk what the last checkpoint said stays true.
  await part.checkpoint().catch(() => {});
}

/** Whether there is a way to tell that the rest is of the same version. */
function isResumable(part: PartFile, sha256: string | undefined): boolean {
  const identity = part.identity();
  return strongEtag(identity) !== undefined || identity?.lastModified !== undefined || sha256 !== undefined;
}

async function receive(job: Download, part: PartFile): Promise<void> {
  const { location, path, sha256, limits, signal, progress, versionsPath } = job;
  const versions = versionsPath === undefined ? [] : await readVersions(versionsPath);
  if (!isResumable(part, sha256)) await part.restart(undefined);
  const clock = () => performance.now();
  const folder = dirname(path);
  const meter = rateMeter(clock);
  const digest = fileDigest(part.file);
  let total = part.identity()?.fileBytes ?? 0;
  let notice = "";
  let magicSeen = false;

  const show = () => progress(notice + progressText(bytesIn(part.done()), total, meter.bytesPerSecond()));
  const makeSafe = async () => {
    await part.checkpoint();
    await checkFloor(folder, limits.floorBytes);
    if (sha256 === undefined) return;
    await digest.upTo(Math.min(frontier(part.done()), digest.hashedBytes() + HASH_AHEAD_BYTES));
  };
  const received = async (bytes: number) => {
    meter.add(bytes);
    show();
    if (magicSeen || frontier(part.done()) < MAGIC.length) return;
    await checkMagic(part);
    magicSeen = true;
  };
  const opened = async (identity: FileIdentity) => {
    const { fileBytes } = identity;
    const known = knownSha256(versions, identity);
    if (sha256 !== undefined && known !== undefined && known !== sha256) throw otherContent(known, sha256);
    if (fileBytes < SMALLEST) throw new BadContent(`it ended after ${fileBytes} bytes`);
    total = fileBytes;
    digest.restart();
    magicSeen = false;
    await checkSpaceFor(fileBytes - bytesIn(part.done()), folder, limits.floorBytes);
    show();
  };
  const startingOver = () => {
    notice = "the file changed at its source, started over: ";
  };
  const hooks = { opened, received, startingOver, waiting: progress };
  // Loaded on demand, with the HTTP client: most agents download nothing.
  const { transfer } = await import("./transfer.ts");
  const fetching = (until: AbortSignal) => transfer({ location, part, limits, signal: until, ...hooks });
  await savingMeanwhile(fetching, makeSafe, limits.checkpointMs, signal);
  await part.checkpoint();
  await checkWhole(part, total);
  if (sha256 === undefined) return remember(job, part.identity(), undefined);
  await digest.upTo(total, () => progress(`checking its sha256, ${Math.floor((digest.hashedBytes() / total) * 100)}%`));
  const found = digest.hex();
  if (found === sha256) return;
  await remember(job, part.identity(), found);
  throw otherContent(found, sha256);
}

function otherContent(found: string, asked: string): BadContent {
  return new BadContent(`its sha256 is ${found}, the Model asks for ${asked}`);
}

async function remember(
  { versionsPath }: Download,
  identity: FileIdentity | undefined,
  sha256: string | undefined,
): Promise<void> {
  const etag = strongEtag(identity);
  if (versionsPath === undefined || identity === undefined || etag === undefined) return;
  await rememberVersion(versionsPath, { etag, fileBytes: identity.fileBytes, sha256 });
}

/** Does `work` and, regularly, `save`, also while nothing comes; where that fails, the work ends with its error. */
async function savingMeanwhile(
  work: (until: AbortSignal) => Promise<void>,
  save: () => Promise<void>,
  everyMs: number,
  signal: AbortSignal,
): Promise<void> {
  const over = new AbortController();
  const failed = new AbortController();
  const saving = (async () => {
    while (!over.signal.aborted) {
      await sleep(everyMs, undefined, { signal: over.signal }).catch(() => {});
      if (!over.signal.aborted) await save();
    }
  })().catch((error: unknown) => failed.abort(error));
  try {
    await work(AbortSignal.any([signal, failed.signal]));
  } catch (error) {
    throw failed.signal.aborted ? failed.signal.reason : error;
  } finally {
    over.abort();
    await saving;
  }
}

async function checkWhole(part: PartFile, total: number): Promise<void> {
  const { size } = await part.file.stat();
  if (size !== total) throw new BadContent(`it has ${size} bytes on the disk instead of ${total}`);
  await checkMagic(part);
}

async function checkMagic({ file }: PartFile): Promise<void> {
  const { buffer } = await file.read(Buffer.alloc(MAGIC.length), 0, MAGIC.length, 0);
  if (!buffer.equals(MAGIC)) throw new BadContent("it is not a GGUF file: name the .gguf file itself");
}

const UNWRITABLE: ReadonlySet<string | undefined> = new Set(["EACCES", "EROFS", "EPERM", "ENOTDIR", "EEXIST", "ELOOP"]);

/** A folder may become writable at any time, and nothing says so: its failures are of a kind that is tried again. */
function downloadFailure(error: unknown, name: string, folder: string): Failure {
  if (error instanceof Refusal) return failIn(name, failureOf(error));
  const code = errorCode(error);
  if (UNWRITABLE.has(code)) {
    return fail(
      `the models folder ${folder} cannot be written (${code}): name another one with --models`,
      "unreachable",
    );
  }
  if (code === "ENAMETOOLONG")
    return fail(`the path of the models folder ${folder} is too long: name another one with --models`);
  if (code === "ENOSPC" || code === "EDQUOT") {
    return fail(`the disk of ${folder} is full: free space or name another folder with --models`, "no-space");
  }
  return fail(`${name}: the download failed (${errorText(error)})`, code === undefined ? "internal" : "unreachable");
}
