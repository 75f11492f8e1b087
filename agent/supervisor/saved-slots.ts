import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { firstShardOf } from "../../gguf/shard-names.ts";
import type { Restored } from "../decisions/saved-slots.ts";
import { savedSlotsFolder } from "../state/layout.ts";
import type { SlotCounts } from "../status/status.ts";
import { fileNameOf, type WorkloadId } from "../workload/workload-id.ts";
import { restoreFrom } from "./restore-slots.ts";
import { type Commit, saveTo } from "./save-slots.ts";
import { countsById } from "./slot-counts.ts";
import { removeFolder } from "./slot-folder.ts";
import { openShelf, type ShelfOptions } from "./slot-shelf.ts";
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

export interface SavedSlotsOptions extends ShelfOptions {
  /** How long a save, and a restore, is waited for, in milliseconds. */
  readonly waitMs: number;
  /** Changes with the content of a file; undefined while it is not known. */
  readonly stampOf: (path: string) => string | undefined;
  /** The same for llama-server. */
  readonly serverStamp: () => string | undefined;
  /** Milliseconds that never go back. */
  readonly clock: () => number;
}

const NOTHING: Restored = new Map();

/** Also removes what an earlier agent left half done. */
export function savedSlots(options: SavedSlotsOptions): SavedSlots {
  const { waitMs, stampOf, serverStamp, clock, background } = options;
  const counted = countsById();
  const shelf = openShelf(options);
  /** What is under way after a server was told to stop. */
  const commits = new Map<string, Promise<void>>();
  const workOf = (server: SlotServer): SlotWork => {
    const begun = clock();
    return {
      server,
      count: (why) => counted.count(server.id, why),
      tally: (what, by) => counted.tally(server.id, what, by),
      left: () => Math.max(1, Math.ceil(waitMs - (clock() - begun))),
      isLate: () => clock() - begun >= waitMs,
    };
  };
  const commit = (key: string, work: SlotWork, done: Commit) => {
    const failed = () => {
      work.count("SaveFailed");
      return 0;
    };
    const writing = done()
      .catch(failed)
      .then((bytes) => shelf.put(key, bytes))
      .finally(() => commits.delete(key));
    commits.set(key, writing);
    background(`keeping the conversations of ${key}`, writing);
  };
  return {
    begin: ({ id, modelPath, args }) => {
      const files = filesOf(modelPath);
      const stamps = [serverStamp(), ...files.map(stampOf)].filter((stamp) => stamp !== undefined);
      if (stamps.length <= files.length) return undefined;
      const folder = shelf.folderFor(fileNameOf(id));
      return folder === undefined ? undefined : { folder, digest: digestOf([...stamps, ...args]) };
    },
    save: async (server, tokenBytes) => {
      const key = fileNameOf(server.id);
      const work = workOf(server);
      const reserve = (bytes: number) => shelf.reserve(key, bytes);
      const saving = saveTo(work, { tokenBytes, reserve, commit: (done) => commit(key, work, done) });
      await Promise.race([saving.catch(() => work.count("SaveFailed")), pause(waitMs)]);
    },
    restore: async (server) => {
      const key = fileNameOf(server.id);
      const work = workOf(server);
      const progress = { asked: false };
      const failed = () => {
        work.count("Damaged");
        return NOTHING;
      };
      const restoring = Promise.resolve(commits.get(key))
        .then(() => restoreFrom(work, progress))
        .catch(failed)
        .finally(() => shelf.put(key, 0));
      const late = pause(waitMs).then(() => (progress.asked ? ("lost" as const) : NOTHING));
      return Promise.race([restoring, late]);
    },
    remove: (id) => shelf.remove(fileNameOf(id)),
    keepOnly: (ids) => shelf.keepOnly(new Set([...ids].map(fileNameOf))),
    count: counted.count,
    counts: counted.of,
    problems: shelf.problems,
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

/** Removes all that agents with `--saved-slots` have saved in this state folder. */
export async function forgetSavedSlots(stateDirectory: string): Promise<void> {
  await removeFolder(savedSlotsFolder(stateDirectory));
}
