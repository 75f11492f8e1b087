import { mkdir, rmdir, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import lockfile from "proper-lockfile";
import { errorCode, errorText } from "../../api/error-code.ts";
import { type Failure, fail, ok, type Result } from "../../api/result.ts";
import { readStatus } from "../status/status-file.ts";
import { canonicalPath } from "./canonical-path.ts";
import { isRunning } from "./living.ts";
import { processAgeMs } from "./process-age.ts";

/** A lock that was not refreshed for this long belongs to a dead agent. */
const STALE_MS = 5000;
const RETRY_MS = 500;
/** Longer than a dead agent's lock lasts. */
const PATIENCE_MS = 8000;

/**
 * Locks the state folder, so that only one agent uses it. Waits until the lock of a killed agent expires. Fails if another agent runs, also
 * one that is stuck: it would go on beside this one at any time. Fails if the folder cannot be written. The value releases the lock.
 *
 * @param lost called if another process takes over the lock
 */
export async function lockState(state: string, lost: () => void): Promise<Result<() => Promise<void>>> {
  try {
    await mkdir(state, { recursive: true, mode: 0o700 });
  } catch (error) {
    return unwritable(`the state folder ${state}`, error);
  }
  // The lock lies beside the folder itself, not beside a link to it.
  const folder = canonicalPath(state);
  const owner = await livingOwner(folder);
  if (owner !== undefined && (await isHeld(folder))) return inUse(folder, owner);
  const refreshed = refreshWatch(`${folder}.lock`);
  for (const deadline = performance.now() + PATIENCE_MS; ; ) {
    try {
      return ok(await lockfile.lock(folder, { stale: STALE_MS, update: STALE_MS / 5, onCompromised: lost }));
    } catch (error) {
      if (errorCode(error) !== "ELOCKED") return unlockable(folder, error);
      if (owner !== undefined || performance.now() > deadline) return inUse(folder, owner);
    }
    await sleep(RETRY_MS);
    const failure = await removeIfLeft(folder, await refreshed());
    if (failure !== undefined) return failure;
  }
}

/**
 * Whether an agent uses this state folder right now. One that is stuck refreshes its lock no more, and still has it: a lock whose owner is
 * dead is nobody's, however fresh.
 */
export async function isLocked(folder: string): Promise<boolean> {
  return (await isHeld(folder)) && (await livingOwner(folder)) !== undefined;
}

/** Whether the lock is there, however old. */
function isHeld(folder: string): Promise<boolean> {
  return lockfile.check(folder, { stale: Number.MAX_SAFE_INTEGER }).catch(() => false);
}

function inUse(folder: string, owner: number | undefined): Failure {
  const who = owner === undefined ? "another agent" : `another agent (pid ${owner})`;
  return fail(`${who} uses the state folder ${folder}: stop it, or name another folder with --state`);
}

/** The lock is a folder beside the state folder. */
function unlockable(folder: string, error: unknown): Failure {
  const code = errorCode(error);
  if (code === "EACCES" || code === "EPERM" || code === "EROFS") {
    return fail(
      `the lock ${folder}.lock cannot be written (${code}): make ${dirname(folder)} writable, or name another state folder with --state`,
    );
  }
  if (code === "ENAMETOOLONG") return unwritable(`the lock ${folder}.lock`, error);
  return fail(`the lock ${folder}.lock is not an agent's lock (${errorText(error)}): remove it if no agent runs`);
}

function unwritable(what: string, error: unknown): Failure {
  const code = errorText(error);
  if (code === "ENAMETOOLONG") return fail(`the path of ${what} is too long: name a shorter one with --state`);
  return fail(`${what} cannot be written (${code}): name another one with --state`);
}

/** For how many milliseconds the lock has had the same time, since it was looked at first. */
function refreshWatch(path: string): () => Promise<number> {
  let seen: { readonly mtimeMs: number; readonly since: number } | undefined;
  return async () => {
    const mtimeMs = await timeOf(path);
    const now = performance.now();
    if (seen?.mtimeMs !== mtimeMs) seen = { mtimeMs, since: now };
    return now - seen.since;
  };
}

/**
 * A clock that was put back leaves a lock whose time is in the future: it would last until then. Nobody refreshes it, so it is nobody's; an
 * agent that lives refreshes its lock each second.
 */
async function removeIfLeft(folder: string, unrefreshedMs: number): Promise<Failure | undefined> {
  const path = `${folder}.lock`;
  if (unrefreshedMs < STALE_MS || (await timeOf(path)) <= Date.now()) return undefined;
  try {
    await rmdir(path);
    return undefined;
  } catch (error) {
    if (errorCode(error) === "ENOENT") return undefined;
    return fail(`the lock ${path} has a time in the future and cannot be removed (${errorText(error)}): remove it`);
  }
}

async function timeOf(path: string): Promise<number> {
  return stat(path).then(
    ({ mtimeMs }) => mtimeMs,
    () => 0,
  );
}

/** Between the start of an agent and the time that it writes down as its start. */
const STARTUP_MS = 2000;

/** The pid in the status, if its process is the agent that wrote it: a later process may have been given the same number. */
async function livingOwner(folder: string): Promise<number | undefined> {
  const status = await readStatus(folder);
  if (!status.ok) return undefined;
  const { pid, startedAt } = status.value.agent;
  if (!(await isRunning(pid))) return undefined;
  const ageMs = await processAgeMs(pid);
  const isLater = ageMs !== undefined && Date.now() - ageMs > Date.parse(startedAt) + STARTUP_MS;
  return isLater ? undefined : pid;
}
