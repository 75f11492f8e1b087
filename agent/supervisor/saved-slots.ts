import { createHash } from "node:crypto";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { firstShardOf } from "../../gguf/shard-names.ts";
import { type Kept, placeFor, type Restored } from "../decisions/saved-slots.ts";
import type { Background } from "../lifecycle/background.ts";
import { savedSlotsFolder } from "../state/layout.ts";
import type { SlotCounts } from "../status/status.ts";
import { fileNameOf, type WorkloadId } from "../workload/workload-id.ts";
import { restoreFrom } from "./restore-slots.ts";
import { type Commit, saveTo } from "./save-slots.ts";
import { diskOf, emptyFolder, makePrivate, removeFolder, sweep } from "./slot-folder.ts";
import type { Discard, SlotServer, SlotWork, StartedSlots } from "./slot-work.ts";

/** What a start is made of, as far as a cache depends on it. */
export interface SlotStart {
  readonly id: WorkloadId;
  readonly modelPath: string;
  /** Arguments of llama-server, without those that no cache depends on. */
  readonly args: readonly string[];
}

/** Keeps conversations of unloaded models on disk. Nothing of it is ever waited for longer than its options say. */
export interface SavedSlots {
  /** For a start. Undefined where nothing can be saved: the folder cannot be used, or what the cache depends on is not known. */
  readonly begin: (start: SlotStart) => StartedSlots | undefined;
  /** Asks a server for its conversations, before it is stopped. Never rejects. @param tokenBytes of its cache for each token */
  readonly save: (server: SlotServer, tokenBytes: number) => Promise<void>;
  /** Gives a server that has just become ready what was saved. `lost`: it hangs, or is gone, and must be started again. Never rejects. */
  readonly restore: (server: SlotServer) => Promise<Restored | "lost">;
  /** Removes what is kept of a workload. */
  readonly remove: (id: WorkloadId) => void;
  /** Removes what is kept of all others. */
  readonly keepOnly: (ids: Iterable<WorkloadId>) => void;
  readonly count: (id: WorkloadId, why: Discard) => void;
  readonly counts: (id: WorkloadId) => SlotCounts;
  readonly problems: () => readonly string[];
}

export interface SavedSlotsOptions {
  readonly stateDirectory: string;
  /** What all conversations together may take, in bytes. */
  readonly limitBytes: number;
  /** How long a save, and a restore, is waited for, in milliseconds. */
  readonly waitMs: number;
  /** Changes with the content of a file; undefined while it is not known. */
  readonly stampOf: (path: string) => string | undefined;
  /** The same for llama-server. */
  readonly serverStamp: () => string | undefined;
  /** Milliseconds that never go back. */
  readonly clock: () => number;
  readonly background: Background;
  readonly disk?: typeof diskOf;
}

const NOTHING: Restored = new Map();

/** Also removes what an earlier agent left half done. */
export function savedSlots(options: SavedSlotsOptions): SavedSlots {
  const { stateDirectory, limitBytes, waitMs, stampOf, serverStamp, clock, background, disk = diskOf } = options;
  const root = savedSlotsFolder(stateDirectory);
  const counted = countsById();
  const kept = new Map<string, Kept>();
  /** What is under way after a server was told to stop. */
  const commits = new Map<string, Promise<void>>();
  let problem: string | undefined;
  const usable = (path: string) => {
    const made = makePrivate(path);
    problem = made.ok ? undefined : `no conversation is saved: ${made.error}`;
    return made.ok;
  };
  const folderOf = (key: string) => join(root, key);
  const drop = (key: string) => {
    kept.delete(key);
    background(`removing the saved conversations in ${folderOf(key)}`, removeFolder(folderOf(key)));
  };
  let isLoaded = false;
  const load = async () => {
    if (!usable(root)) return;
    for (const one of await sweep(root)) kept.set(one.key, one);
    isLoaded = true;
  };
  const loaded = load();
  background("reading the saved conversations", loaded);

  const reserve = async (key: string, bytes: number) => {
    const space = await disk(root);
    const others = [...kept.values()].filter((one) => one.key !== key);
    const place = placeFor(bytes, { limitBytes, kept: others, ...space });
    if (place.kind === "refused") return place.reason;
    for (const one of place.remove) {
      kept.delete(one);
      // The folder stays: its server may be about to start with it.
      background(`removing the saved conversations in ${folderOf(one)}`, emptyFolder(folderOf(one)));
    }
    kept.set(key, { key, bytes, savedAt: Date.now() });
    return undefined;
  };
  const workOf = (server: SlotServer): SlotWork => {
    const begun = clock();
    const left = () => Math.max(1, Math.ceil(waitMs - (clock() - begun)));
    return {
      server,
      count: (why) => counted.count(server.id, why),
      tally: (what, by) => counted.tally(server.id, what, by),
      left,
      isLate: () => clock() - begun >= waitMs,
    };
  };
  return {
    begin: ({ id, modelPath, args }) => {
      const stamps = [serverStamp(), ...filesOf(modelPath).map(stampOf)].filter((stamp) => stamp !== undefined);
      if (stamps.length <= filesOf(modelPath).length || !isLoaded) return undefined;
      const folder = folderOf(fileNameOf(id));
      if (!usable(root) || !usable(folder)) return undefined;
      return { folder, digest: digestOf([...stamps, ...args]) };
    },
    save: async (server, tokenBytes) => {
      const key = fileNameOf(server.id);
      const work = workOf(server);
      const commit = (done: Commit) => {
        const writing = done().then(
          (bytes) => {
            if (bytes > 0) kept.set(key, { key, bytes, savedAt: Date.now() });
            else kept.delete(key);
          },
          () => {
            work.count("SaveFailed");
            kept.delete(key);
          },
        );
        commits.set(key, writing);
        background(
          `keeping the conversations of ${key}`,
          writing.finally(() => commits.delete(key)),
        );
      };
      const saving = loaded
        .then(() => saveTo(work, { tokenBytes, reserve: (bytes) => reserve(key, bytes), commit }))
        .catch(() => work.count("SaveFailed"));
      await Promise.race([saving, pause(waitMs)]);
    },
    restore: async (server) => {
      const key = fileNameOf(server.id);
      const work = workOf(server);
      const progress = { asked: false };
      const restoring = loaded
        .then(() => commits.get(key))
        .then(() => restoreFrom(work, progress))
        .catch(() => {
          work.count("Damaged");
          return NOTHING;
        })
        .finally(() => kept.delete(key));
      const late = pause(waitMs).then(() => (progress.asked ? ("lost" as const) : NOTHING));
      return Promise.race([restoring, late]);
    },
    remove: (id) => {
      const key = fileNameOf(id);
      if (kept.has(key)) drop(key);
    },
    keepOnly: (ids) => {
      const keys = new Set([...ids].map(fileNameOf));
      for (const key of kept.keys()) if (!keys.has(key)) drop(key);
    },
    count: counted.count,
    counts: counted.of,
    problems: () => (problem === undefined ? [] : [problem]),
  };
}

/** An agent that ends must not wait for it. */
function pause(milliseconds: number): Promise<void> {
  return sleep(milliseconds, undefined, { ref: false });
}

/** All shards of a split model. */
function filesOf(modelPath: string): readonly string[] {
  const shards = firstShardOf(modelPath);
  if (shards === undefined) return [modelPath];
  return Array.from({ length: shards.count }, (_, index) => shards.sourceOf(index + 1));
}

function digestOf(parts: readonly string[]): string {
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 32);
}

export function nothingCounted(): SlotCounts {
  const discarded = { OtherSettings: 0, Damaged: 0, Mismatch: 0, Refused: 0, Lost: 0 };
  return {
    ...{ saves: 0, restores: 0, restoredTokens: 0 },
    discarded: { ...discarded, SaveFailed: 0, TooLarge: 0, DiskFull: 0, Private: 0 },
  };
}

/** By workload, since the agent began. */
function countsById() {
  const all = new Map<WorkloadId, SlotCounts>();
  const of = (id: WorkloadId) => all.get(id) ?? nothingCounted();
  return {
    of,
    count: (id: WorkloadId, why: Discard) => {
      const counts = of(id);
      all.set(id, { ...counts, discarded: { ...counts.discarded, [why]: counts.discarded[why] + 1 } });
    },
    tally: (id: WorkloadId, what: "saves" | "restores" | "restoredTokens", by: number) => {
      const counts = of(id);
      all.set(id, { ...counts, [what]: counts[what] + by });
    },
  };
}

/** Removes all that agents with `--saved-slots` have saved in this state folder. */
export async function forgetSavedSlots(stateDirectory: string): Promise<void> {
  await removeFolder(savedSlotsFolder(stateDirectory));
}
