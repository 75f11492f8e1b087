// Apart from the reader: the watchdog process loads no schema library.
import { readFile, rm } from "node:fs/promises";
import writeFileAtomic from "write-file-atomic";
import type { WatchdogFile } from "./watchdog-file.ts";

/** How often a watchdog that speaks for its main part writes, in milliseconds. */
export const WATCHDOG_REWRITE_MS = 5000;

/** Writes it atomically. Rejects if the folder cannot be written. `path`: `watchdogPath` of state/layout.ts. */
export async function writeWatchdogFile(path: string, content: WatchdogFile): Promise<void> {
  await writeFileAtomic(path, `${JSON.stringify(content)}\n`, { fsync: false, mode: 0o600 });
}

/** Once the main part lives again and tells everything itself. */
export async function removeWatchdogFile(path: string): Promise<void> {
  await rm(path, { force: true });
}

/** The watchdog that the file names; undefined if there is no file, or none that can be read. */
export async function watchdogPidIn(path: string): Promise<number | undefined> {
  try {
    const content: unknown = JSON.parse(await readFile(path, "utf8"));
    const pid = typeof content === "object" && content !== null && "pid" in content ? content.pid : undefined;
    return typeof pid === "number" ? pid : undefined;
  } catch {
    return undefined;
  }
}
