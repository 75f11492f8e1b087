import { stat } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { errorCode, errorText } from "../../api/error-code.ts";
import type { Runnable } from "../lifecycle/runnable.ts";
import { cutLog, type LogLimits, trimEarlier } from "./cut.ts";

/** At 60 MB/s a log reaches 96 MiB at most, and the three earlier ones 4 MiB each. */
const LIMITS: LogLimits = { maxBytes: 32 * 2 ** 20, keptBytes: 4 * 2 ** 20 };

const QUIET_MS = 1000;
const BUSY_MS = 250;
/** Growth from one look to the next above which the next look comes soon. */
const BUSY_BYTES = 2 ** 20;

export interface LogKeeperOptions {
  /** Paths of the logs that are being written now. */
  readonly logs: () => readonly string[];
  /** Gets one sentence about a log that cannot be kept within its limits; again only after it could be. */
  readonly say: (message: string) => void;
  readonly limits?: LogLimits;
}

/** What the last look at a log has found. */
interface Seen {
  inode: number;
  size: number;
  busy: boolean;
  /** While a look is under way, no other one begins: the file may be on a disk that hangs. */
  looking: boolean;
  failure: string | undefined;
}

/** Keeps the logs of running servers within their limits, from their first second on. It waits for no log, only for the next look. */
export function logKeeper({ logs, say, limits = LIMITS }: LogKeeperOptions): Runnable {
  const known = new Map<string, Seen>();
  return {
    name: "the log keeper",
    run: async (signal) => {
      while (!signal.aborted) {
        const paths = new Set(logs());
        for (const path of known.keys()) if (!paths.has(path)) known.delete(path);
        const looks = [...paths].map((path) => look(path, seenOf(known, path), limits, say));
        await Promise.race([Promise.all(looks), pause(BUSY_MS, signal)]);
        const busy = [...known.values()].some((seen) => seen.busy);
        await pause(busy ? BUSY_MS : QUIET_MS, signal);
      }
    },
  };
}

function seenOf(known: Map<string, Seen>, path: string): Seen {
  const seen = known.get(path) ?? { inode: 0, size: 0, busy: true, looking: false, failure: undefined };
  known.set(path, seen);
  return seen;
}

/** Never throws. */
async function look(path: string, seen: Seen, limits: LogLimits, say: LogKeeperOptions["say"]): Promise<void> {
  if (seen.looking) return;
  seen.looking = true;
  try {
    const { ino, size } = await stat(path);
    seen.busy = ino !== seen.inode || Math.abs(size - seen.size) > BUSY_BYTES;
    seen.size = size;
    if (size > limits.maxBytes) await cutLog(path, limits);
    if (ino !== seen.inode) await trimEarlier(path, limits);
    seen.inode = ino;
    seen.failure = undefined;
  } catch (error) {
    // Not there yet, or not any more.
    if (errorCode(error) === "ENOENT") return;
    const failure = `the log ${path} cannot be kept below its limit: ${errorText(error)}`;
    if (failure !== seen.failure) say(failure);
    seen.failure = failure;
  } finally {
    seen.looking = false;
  }
}

async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  await sleep(milliseconds, undefined, { signal }).catch(() => {});
}
