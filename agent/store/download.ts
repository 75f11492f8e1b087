import { mkdir, rename, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import lockfile from "proper-lockfile";
import { errorCode, errorText } from "../../api/error-code.ts";
import { type Failure, fail, failIn } from "../../api/result.ts";
import { failureOf, Refusal } from "../../fetch/refusal.ts";
import { openPartFile, type PartFile, partPath, removePart, removeSidecar } from "./part-file.ts";
import { BadContent, type Download, isResumable, receive } from "./receive.ts";

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
