import { join } from "node:path";
import { type Kept, placeFor } from "../decisions/saved-slots.ts";
import type { Background } from "../lifecycle/background.ts";
import { savedSlotsFolder } from "../state/layout.ts";
import { diskOf, emptyFolder, makePrivate, removeFolder, sweep } from "./slot-folder.ts";
import type { Discard } from "./slot-work.ts";

/** The folders of all saved conversations, and what each takes. Keys are names of files (`fileNameOf`). */
export interface Shelf {
  /** The folder of one workload, which is there afterwards; undefined where it cannot be used, or what is there was not read yet. */
  readonly folderFor: (key: string) => string | undefined;
  /** Makes room for what one workload is about to save, in place of what it had. Why there is none; undefined: there is. */
  readonly reserve: (key: string, bytes: number) => Promise<Discard | undefined>;
  /** What one workload has by now; 0: nothing. */
  readonly put: (key: string, bytes: number) => void;
  readonly remove: (key: string) => void;
  readonly keepOnly: (keys: ReadonlySet<string>) => void;
  readonly problems: () => readonly string[];
}

export interface ShelfOptions {
  readonly stateDirectory: string;
  /** What all conversations together may take, in bytes. */
  readonly limitBytes: number;
  readonly background: Background;
  readonly disk?: typeof diskOf;
}

/** Reads what is there in the background, and removes what nobody can use. */
export function openShelf({ stateDirectory, limitBytes, background, disk = diskOf }: ShelfOptions): Shelf {
  const root = savedSlotsFolder(stateDirectory);
  const folderOf = (key: string) => join(root, key);
  const kept = new Map<string, Kept>();
  let isRead = false;
  let problem: string | undefined;
  const isUsable = (path: string) => {
    const made = makePrivate(path);
    problem = made.ok ? undefined : `no conversation is saved: ${made.error}`;
    return made.ok;
  };
  const read = async () => {
    if (!isUsable(root)) return;
    for (const one of await sweep(root)) kept.set(one.key, one);
    isRead = true;
  };
  background("reading the saved conversations", read());
  const remove = (key: string) => {
    if (kept.delete(key)) background(`removing the saved conversations of ${key}`, removeFolder(folderOf(key)));
  };
  return {
    folderFor: (key) => (isRead && isUsable(root) && isUsable(folderOf(key)) ? folderOf(key) : undefined),
    reserve: async (key, bytes) => {
      const space = await disk(root);
      const others = [...kept.values()].filter((one) => one.key !== key);
      const place = placeFor(bytes, { limitBytes, kept: others, ...space });
      if (place.kind === "refused") return place.reason;
      for (const one of place.remove) {
        kept.delete(one);
        // The folder stays: its server may be about to start with it.
        background(`removing the saved conversations of ${one}`, emptyFolder(folderOf(one)));
      }
      kept.set(key, { key, bytes, savedAt: Date.now() });
      return undefined;
    },
    put: (key, bytes) => {
      if (bytes > 0) kept.set(key, { key, bytes, savedAt: Date.now() });
      else kept.delete(key);
    },
    remove,
    keepOnly: (keys) => {
      for (const key of kept.keys()) if (!keys.has(key)) remove(key);
    },
    problems: () => (problem === undefined ? [] : [problem]),
  };
}
