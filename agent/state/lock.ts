import { mkdir } from "node:fs/promises";
import lockfile from "proper-lockfile";
import { errorCode, errorText } from "../../api/error-code.ts";
import { fail, ok, type Result } from "../../api/result.ts";
import { readStatus } from "../status/status-file.ts";

/** A lock that was not refreshed for this long belongs to a dead agent. */
const STALE_MS = 5000;
const RETRY_MS = 500;

/**
 * Locks the state folder, so that only one agent uses it. Waits until the lock of a killed agent expires. Fails if another agent runs, or
 * if the folder cannot be written. The value releases the lock.
 *
 * @param lost called if another process takes over the lock
 */
export async function lockState(folder: string, lost: () => void): Promise<Result<() => Promise<void>>> {
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
  } catch (error) {
    return fail(`the state folder ${folder} cannot be written (${errorText(error)}): name another one with --state`);
  }
  const owner = await livingOwner(folder);
  const retries = owner === undefined ? { retries: 16, factor: 1, minTimeout: RETRY_MS, maxTimeout: RETRY_MS } : 0;
  try {
    return ok(await lockfile.lock(folder, { stale: STALE_MS, update: STALE_MS / 5, retries, onCompromised: lost }));
  } catch (error) {
    if (errorCode(error) !== "ELOCKED") {
      return fail(
        `the state folder ${folder} cannot be locked (${errorText(error)}; the lock is ${folder}.lock): name another one with --state`,
      );
    }
    const who = owner === undefined ? "another agent" : `another agent (pid ${owner})`;
    return fail(`${who} uses the state folder ${folder}: stop it, or name another folder with --state`);
  }
}

/**
 * Whether an agent uses this state folder right now. One that is stuck refreshes its lock no more, and still has it: a lock whose owner is
 * dead is nobody's, however fresh.
 */
export async function isLocked(folder: string): Promise<boolean> {
  const held = await lockfile.check(folder, { stale: Number.MAX_SAFE_INTEGER }).catch(() => false);
  return held && (await livingOwner(folder)) !== undefined;
}

async function livingOwner(folder: string): Promise<number | undefined> {
  const status = await readStatus(folder);
  if (!status.ok) return undefined;
  const { pid } = status.value.agent;
  try {
    process.kill(pid, 0);
    return pid;
  } catch (error) {
    return errorCode(error) === "EPERM" ? pid : undefined;
  }
}
