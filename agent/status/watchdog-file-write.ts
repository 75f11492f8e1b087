// Apart from the reader: the watchdog process loads no schema library.
import { rm } from "node:fs/promises";
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
