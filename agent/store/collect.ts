import { once } from "node:events";
import { constants } from "node:fs";
import { open, readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { errorText } from "../../api/error-code.ts";
import { formatBytes } from "../../api/quantity.ts";
import type { Runnable } from "../lifecycle/runnable.ts";
import { keyOfFile, type ModelSource, modelKey } from "./files.ts";

/** A downloaded model with all its files, finished or not. */
export interface KeptModel {
  readonly key: string;
  readonly bytes: number;
  /** Last use, in milliseconds since the epoch. */
  readonly usedAt: number;
  /** Whether a manifest names it. It need not run. */
  readonly wanted: boolean;
}

/** A model that was used within this time is kept: another agent may share the folder, or a server may still be stopping. */
const GRACE_MS = 10 * 60_000;

/**
 * Keys of the models to remove so that the rest takes at most `maxBytes`, least recently used first. Models that a manifest names are
 * kept, and so are those used within ten minutes before `now`, or after it by a clock that was wrong.
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
  /** `--models-max`; undefined if nothing is ever removed. */
  readonly maxBytes: number | undefined;
  /** The models that manifests name; undefined while a manifest cannot be read. */
  readonly wanted: () => readonly ModelSource[] | undefined;
  /** Gets one sentence about each model that was removed. */
  readonly say: (message: string) => unknown;
  readonly remove?: (path: string) => Promise<void>;
}

const INTERVAL_MS = 60_000;

/** Once a minute, marks the models in use and removes unused ones above the maximum. */
export function modelCollector(collection: Collection): Runnable {
  return {
    name: "the collection of unused models",
    run: async (signal) => {
      let before: ReadonlySet<string> = new Set();
      while (!signal.aborted) {
        await sleep(INTERVAL_MS, undefined, { signal, ref: false }).catch(() => {});
        // On a disk that hangs it may never end.
        if (signal.aborted) return;
        const said = new Set<string>();
        const pass = collect({ ...collection, say: (message) => said.add(message) }, Date.now()).catch(() => {});
        await Promise.race([pass, aborted(signal)]);
        // What still cannot be removed is no news.
        for (const message of said) if (!before.has(message)) collection.say(message);
        before = said;
      }
    },
  };
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await once(signal, "abort");
}

/** One pass of the collection. A folder that does not exist counts as empty. `now` is in milliseconds since the epoch. */
export async function collect(
  { folder, maxBytes, wanted, say, remove = removeAny }: Collection,
  now: number,
): Promise<void> {
  const names = await readdir(folder).catch(() => []);
  const models = await keptModels(folder, names, keysOf(wanted()));
  for (const { key } of models.filter((model) => model.wanted)) await markUsed(folder, key, now);
  if (maxBytes === undefined || wanted() === undefined) return;
  for (const key of removals(models, maxBytes, now)) {
    // A manifest may have been added since the list was made.
    if (keysOf(wanted() ?? []).has(key)) continue;
    const files = names.filter((name) => keyOfFile(name) === key);
    const failures = (await Promise.all(files.map((name) => removeFile(join(folder, name), remove)))).filter(
      (code) => code !== undefined,
    );
    const bytes = models.find((model) => model.key === key)?.bytes ?? 0;
    const limit = formatBytes(maxBytes);
    const what = `${labelOf(files)} (${formatBytes(bytes)}), the least recently used model`;
    const [code] = failures;
    say(
      code === undefined
        ? `removed ${what}, to stay within --models-max ${limit}`
        : `cannot remove ${what}, to stay within --models-max ${limit} (${code}): check the permissions of ${folder}`,
    );
  }
}

function keysOf(wanted: readonly ModelSource[] | undefined): ReadonlySet<string> {
  // One file may have two names, with a sha256 and without.
  return new Set(
    (wanted ?? []).flatMap(({ source, sha256 }) => [modelKey(source, sha256), modelKey(source, undefined)]),
  );
}

/** The modification time of this file is the last use. That of the model itself shows whether its header must be read again. */
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

/** The models in the folder. Files that are not the store's are ignored. */
async function keptModels(
  folder: string,
  names: readonly string[],
  wanted: ReadonlySet<string>,
): Promise<readonly KeptModel[]> {
  const models = new Map<string, KeptModel>();
  const counted = new Set<string>();
  for (const name of names) {
    const key = keyOfFile(name);
    const stats = key === undefined ? undefined : await stat(join(folder, name)).catch(() => undefined);
    if (key === undefined || stats === undefined) continue;
    const { bytes, usedAt } = models.get(key) ?? { bytes: 0, usedAt: Number.NEGATIVE_INFINITY };
    const file = `${stats.dev} ${stats.ino}`;
    // A file with two names takes its space once, and gives it back with the last of them.
    const size = stats.isFile() && !counted.has(file) ? stats.size : 0;
    counted.add(file);
    models.set(key, { key, bytes: bytes + size, usedAt: Math.max(usedAt, stats.mtimeMs), wanted: wanted.has(key) });
  }
  return [...models.values()];
}

function removeAny(path: string): Promise<void> {
  return rm(path, { force: true });
}

/** The code of what went wrong; undefined where it is gone. */
async function removeFile(path: string, remove: (path: string) => Promise<void>): Promise<string | undefined> {
  try {
    await remove(path);
    return undefined;
  } catch (error) {
    const code = errorText(error);
    // A folder beside a part file is its lock, which expires by itself.
    return code === "ERR_FS_EISDIR" ? undefined : code;
  }
}

function labelOf(files: readonly string[]): string {
  return files.find((name) => name.endsWith(".gguf")) ?? files[0] ?? "a model";
}
