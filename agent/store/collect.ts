import { constants } from "node:fs";
import { open, readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { formatBytes } from "../../api/quantity.ts";
import type { Runnable } from "../lifecycle/runnable.ts";
import { keyOfFile, type ModelSource, modelKey } from "./files.ts";

/** A downloaded model with all its files, or what a broken download left of one. */
export interface KeptModel {
  readonly key: string;
  readonly bytes: number;
  /** Milliseconds since the epoch. */
  readonly usedAt: number;
  /** Named by a manifest, whether it runs or not. */
  readonly wanted: boolean;
}

/** Used so recently, in milliseconds, that another agent with this folder may want it, or a server may still end. */
const GRACE_MS = 10 * 60_000;

/**
 * Keys of what is to be removed so that the rest has at most `maxBytes`: the longest unused first, never what is wanted, nor
 * what was used within ten minutes before `now`. What was used in the future, by a clock that was wrong, stays.
 */
export function removals(models: readonly KeptModel[], maxBytes: number, now: number): readonly string[] {
  const oldestFirst = [...models].sort((a, b) => a.usedAt - b.usedAt || (a.key < b.key ? -1 : 1));
  let excess = models.reduce((sum, { bytes }) => sum + bytes, 0) - maxBytes;
  const removed: string[] = [];
  for (const { key, bytes, usedAt, wanted } of oldestFirst) {
    if (excess <= 0) break;
    if (wanted || now - usedAt < GRACE_MS) continue;
    removed.push(key);
    excess -= bytes;
  }
  return removed;
}

export interface Collection {
  readonly folder: string;
  /** `--models-max`; undefined: nothing is ever removed. */
  readonly maxBytes: number | undefined;
  /** The models of all manifests; undefined while some of them cannot be read. */
  readonly wanted: () => readonly ModelSource[] | undefined;
  /** One sentence on each model that was removed. */
  readonly say: (message: string) => void;
}

const INTERVAL_MS = 60_000;

/** Once a minute: notes what is in use, and removes what is too much. */
export function modelCollector(collection: Collection): Runnable {
  return {
    name: "the collection of unused models",
    run: async (signal) => {
      while (!signal.aborted) {
        await sleep(INTERVAL_MS, undefined, { signal, ref: false }).catch(() => {});
        if (!signal.aborted) await collect(collection, Date.now()).catch(() => {});
      }
    },
  };
}

/** One round; a folder that does not exist is empty. `now`: milliseconds since the epoch. */
export async function collect({ folder, maxBytes, wanted, say }: Collection, now: number): Promise<void> {
  const names = await readdir(folder).catch(() => []);
  const models = await keptModels(folder, names, keysOf(wanted()));
  for (const { key } of models.filter((model) => model.wanted)) await markUsed(folder, key, now);
  if (maxBytes === undefined || wanted() === undefined) return;
  for (const key of removals(models, maxBytes, now)) {
    // A manifest may have come while others were removed.
    if (keysOf(wanted() ?? []).has(key)) continue;
    const files = names.filter((name) => keyOfFile(name) === key);
    for (const name of files) await removeFile(join(folder, name));
    const bytes = models.find((model) => model.key === key)?.bytes ?? 0;
    say(`removed ${labelOf(files)} (${formatBytes(bytes)}), unused the longest: --models-max ${formatBytes(maxBytes)}`);
  }
}

function keysOf(wanted: readonly ModelSource[] | undefined): ReadonlySet<string> {
  return new Set((wanted ?? []).map(({ source, sha256 }) => modelKey(source, sha256)));
}

/** The time of this file is the last use: the times of the model itself tell whether its header must be read again. */
function markerName(key: string): string {
  return `${key}-used`;
}

async function markUsed(folder: string, key: string, now: number): Promise<void> {
  const { O_CREAT, O_NOFOLLOW, O_WRONLY } = constants;
  const file = await open(join(folder, markerName(key)), O_WRONLY | O_CREAT | O_NOFOLLOW, 0o644);
  try {
    await file.utimes(now / 1000, now / 1000);
  } finally {
    await file.close();
  }
}

/** What the store has put there, by key; other files in the folder are nobody's business. */
async function keptModels(
  folder: string,
  names: readonly string[],
  wanted: ReadonlySet<string>,
): Promise<readonly KeptModel[]> {
  const models = new Map<string, KeptModel>();
  for (const name of names) {
    const key = keyOfFile(name);
    const stats = key === undefined ? undefined : await stat(join(folder, name)).catch(() => undefined);
    if (key === undefined || stats === undefined) continue;
    const { bytes, usedAt } = models.get(key) ?? { bytes: 0, usedAt: Number.NEGATIVE_INFINITY };
    const size = stats.isFile() ? stats.size : 0;
    models.set(key, { key, bytes: bytes + size, usedAt: Math.max(usedAt, stats.mtimeMs), wanted: wanted.has(key) });
  }
  return [...models.values()];
}

async function removeFile(path: string): Promise<void> {
  // The folder beside a part is its lock, which ends by itself.
  await rm(path, { force: true }).catch(() => {});
}

function labelOf(files: readonly string[]): string {
  return files.find((name) => name.endsWith(".gguf")) ?? files[0] ?? "a model";
}
