import type { Stats } from "node:fs";
import { relative, sep } from "node:path";
import { watch } from "chokidar";
import { hasManifestEnding, isHidden } from "./list.ts";

export interface FolderWatch {
  close(): Promise<void>;
}

/**
 * Calls `touched` when something under the folder may have changed. Whatever is missed, or cannot be watched, is left to the next
 * look at the folder.
 */
export function watchFolder(folder: string, touched: () => void): FolderWatch {
  const ignored = (path: string, stats?: Stats) => !isWorthWatching(relative(folder, path), stats);
  const watcher = watch(folder, { ignoreInitial: true, ignored }).on("all", touched);
  // What changed between the first look and the first watch comes with no event.
  watcher.once("ready", touched);
  watcher.on("error", () => {});
  return { close: () => watcher.close() };
}

/**
 * Only regular files are watched. On macOS a watch opens what it watches, or what a link leads to, and opening a pipe waits for ever. A
 * change behind a link is seen at the next look.
 */
function isWorthWatching(name: string, stats: Stats | undefined): boolean {
  if (name.split(sep).some((part) => part !== ".." && isHidden(part))) return false;
  if (stats === undefined || stats.isDirectory()) return true;
  return stats.isFile() && hasManifestEnding(name);
}
