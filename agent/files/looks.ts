import type { Stats } from "node:fs";
import { stat } from "node:fs/promises";
import { errorText } from "../../api/error-code.ts";
import type { FileGate } from "./gate.ts";
import { SLOW_MS } from "./gate.ts";
import { slowText } from "./slow.ts";

/** What the last look at a path has shown. */
export type Look =
  /** Nobody has looked yet, or the look hangs. `message` says so where that is worth a sentence. */
  | { readonly state: "looking"; readonly message?: string }
  | { readonly state: "found"; readonly stats: Stats }
  /** There is nothing, or nobody may look at it: the code of the error. */
  | { readonly state: "missing"; readonly code: string };

/** Looks at files in the background, so that whoever asks never waits: a file system that hangs must not stop the agent. */
export interface FileLooks {
  /** What was seen last, at most about a second ago; begins another look where that is older. */
  readonly look: (path: string) => Look;
  /** Looks now, for who has just changed something there. */
  readonly lookNow: (path: string) => Promise<void>;
}

export type Stat = (path: string) => Promise<Stats>;

/** A little below the second between two ticks. */
const FRESH_MS = 900;
/** Paths that nobody asked about for so long are forgotten. */
const FORGET_MS = 10 * 60_000;

interface Known {
  look: Look;
  /** What of it would be news. */
  stamp: string;
  lookedAt: number;
  askedAt: number;
  underWay: Promise<void> | undefined;
}

/**
 * @param changed called when a look has shown something else than the one before
 * @param clock milliseconds that never go back
 */
export function fileLooks(
  gate: FileGate,
  changed: () => void,
  clock: () => number,
  statFile: Stat = (path) => stat(path),
): FileLooks {
  const known = new Map<string, Known>();

  const forgetOld = (now: number) => {
    for (const [path, { askedAt, underWay }] of known) {
      if (underWay === undefined && now - askedAt > FORGET_MS) known.delete(path);
    }
  };
  const entryOf = (path: string): Known => {
    const now = clock();
    const found = known.get(path);
    if (found !== undefined) return Object.assign(found, { askedAt: now });
    forgetOld(now);
    const look = { state: "looking" } as const;
    const fresh: Known = { look, stamp: "", lookedAt: Number.NEGATIVE_INFINITY, askedAt: now, underWay: undefined };
    known.set(path, fresh);
    return fresh;
  };
  const refresh = async (path: string, entry: Known) => {
    const look = await gate.run(path, () => lookAt(path, statFile));
    entry.lookedAt = clock();
    entry.underWay = undefined;
    entry.look = look;
    if (look.state === "found") gate.onDisk(path, look.stats.dev);
    const stamp = stampOf(look);
    if (stamp === entry.stamp) return;
    entry.stamp = stamp;
    changed();
  };
  const begin = (path: string, entry: Known) => {
    entry.underWay ??= refresh(path, entry);
  };
  return {
    look: (path) => {
      const entry = entryOf(path);
      if (entry.underWay === undefined && clock() - entry.lookedAt >= FRESH_MS) begin(path, entry);
      const slowMs = entry.underWay === undefined ? 0 : (gate.sinceMs(path) ?? 0);
      if (slowMs < SLOW_MS) return entry.look;
      return { state: "looking", message: slowText("looking at", path, slowMs) };
    },
    lookNow: async (path) => {
      const entry = entryOf(path);
      // One that is under way may have looked before the change.
      await entry.underWay;
      begin(path, entry);
      await entry.underWay;
    },
  };
}

/** Never throws. */
async function lookAt(path: string, statFile: Stat): Promise<Look> {
  try {
    return { state: "found", stats: await statFile(path) };
  } catch (error) {
    return { state: "missing", code: errorText(error) };
  }
}

function stampOf(look: Look): string {
  return `${look.state} ${contentStamp(look)} ${changeStamp(look)}`;
}

/** Changes when the file is replaced or written to; empty while there is none. */
export function contentStamp(look: Look): string {
  if (look.state !== "found") return look.state === "missing" && look.code !== "ENOENT" ? look.code : "";
  const { mtimeMs, size, ino } = look.stats;
  return `${mtimeMs} ${size} ${ino}`;
}

/** Changes also when the file is made readable. Other tools change it too, so it is a reason to look at a failure again, and at no more. */
export function changeStamp(look: Look): string {
  return look.state === "found" ? String(look.stats.ctimeMs) : contentStamp(look);
}

/** The looks at all of these paths; or, where one is outstanding, what is waited for. */
export type Looks =
  | { readonly state: "looking"; readonly message?: string }
  | { readonly state: "looked"; readonly looks: readonly Look[] };

export function lookAtAll({ look }: FileLooks, paths: readonly string[]): Looks {
  const looks = paths.map(look);
  const outstanding = looks.filter((one) => one.state === "looking");
  if (outstanding.length === 0) return { state: "looked", looks };
  return outstanding.find(({ message }) => message !== undefined) ?? { state: "looking" };
}
