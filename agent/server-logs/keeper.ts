import { stat } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { errorCode, errorText } from "../../api/error-code.ts";
import type { Runnable } from "../lifecycle/runnable.ts";
import { cutLog, type LogLimits, trimEarlier } from "./cut.ts";

/** At 60 MB/s a log reaches 96 MiB at most, and the three earlier ones 4 MiB each. */
const LIMITS: LogLimits = { maxBytes: 32 * 2 ** 20, keptBytes: 4 * 2 ** 20 };

const LONGEST_PAUSE_MS = 1000;
const SHORTEST_PAUSE_MS = 50;
/** How long the looks at all logs are waited for before the next pause: one of them may hang. */
const PATIENCE_MS = 250;

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
  at: number;
  bytesPerMs: number;
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
        await Promise.race([Promise.all(looks), pause(PATIENCE_MS, signal)]);
        const fastest = Math.max(0, ...[...known.values()].map(({ bytesPerMs }) => bytesPerMs));
        await pause(pauseMs(fastest, limits), signal);
      }
    },
  };
}

/**
 * Milliseconds until the next look: half the time that a log needs to reach its limit, 50 to 1000.
 *
 * @param bytesPerMs how fast the fastest log grew; Infinity for one that has just begun
 */
export function pauseMs(bytesPerMs: number, { maxBytes }: Pick<LogLimits, "maxBytes">): number {
  return Math.min(LONGEST_PAUSE_MS, Math.max(SHORTEST_PAUSE_MS, maxBytes / 2 / bytesPerMs));
}

function seenOf(known: Map<string, Seen>, path: string): Seen {
  const seen = known.get(path) ?? { inode: 0, size: 0, at: 0, bytesPerMs: 0, looking: false, failure: undefined };
  known.set(path, seen);
  return seen;
}

/** Never throws. */
async function look(path: string, seen: Seen, limits: LogLimits, say: LogKeeperOptions["say"]): Promise<void> {
  if (seen.looking) return;
  seen.looking = true;
  try {
    const { ino, size } = await stat(path);
    const isNew = ino !== seen.inode;
    const now = performance.now();
    const isCut = size > limits.maxBytes;
    const bytesPerMs = isNew ? Number.POSITIVE_INFINITY : Math.max(0, size - seen.size) / (now - seen.at);
    Object.assign(seen, { inode: ino, size: isCut ? 0 : size, at: now, bytesPerMs });
    if (isCut) await cutLog(path, limits);
    if (isNew) await trimEarlier(path, limits);
    seen.failure = undefined;
  } catch (error) {
    // Not there yet, or not any more.
    if (errorCode(error) === "ENOENT") return;
    const failure = `the log ${path} cannot be kept below its limit (${errorText(error)}): check its disk`;
    if (failure !== seen.failure) say(failure);
    seen.failure = failure;
  } finally {
    seen.looking = false;
  }
}

async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  await sleep(milliseconds, undefined, { signal }).catch(() => {});
}
