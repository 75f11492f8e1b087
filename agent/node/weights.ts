import { readFile } from "node:fs/promises";
import { join } from "node:path";
import writeFileAtomic from "write-file-atomic";
import * as z from "zod";
import { type WeightsIdentity, weightsKey } from "../../api/fleet.ts";
import type { FileLooks } from "../files/looks.ts";
import { toldWeights } from "./images.ts";
import type { HeldWeights } from "./node-object.ts";

/** Weights that are on this Mac's disk now, and all their files: shards, and the projector where they have one. */
export interface WeightsOnDisk {
  readonly weights: WeightsIdentity;
  readonly paths: readonly string[];
}

/** Weights that are remembered, so that a Mac is preferred for a model that it has served before. */
const MOST_REMEMBERED = 200;
const MOST_FILES = 128;
const WRITE_MS = 1000;

const fileSchema = z.record(
  z.string().regex(/^[0-9a-f]{16}$/),
  z.strictObject({ paths: z.array(z.string()).min(1).max(MOST_FILES), bytes: z.int().min(0).optional() }),
);

interface Remembered {
  readonly paths: readonly string[];
  /** Of all files, as they were seen last; undefined until then. */
  bytes: number | undefined;
  /** How often in a row a file was looked for in vain. */
  missing: number;
}

/** The weights that this Mac holds, as it tells them in its Node. */
export interface Weights {
  /** What is there as far as is known, the largest first. */
  readonly told: () => readonly HeldWeights[];
  /** Takes note of what is served, and looks whether everything is still there. No look waits for a disk. */
  readonly refresh: (onDisk: readonly WeightsOnDisk[]) => void;
}

/**
 * Weights stay known by their key and their files in the state folder, also when nothing serves them any more. One look that finds a file
 * gone proves nothing; two do.
 *
 * @param say gets one sentence where the file cannot be written
 */
export async function openWeights(
  stateDirectory: string,
  looks: FileLooks,
  say: (message: string) => void,
): Promise<Weights> {
  const path = join(stateDirectory, "weights.json");
  const known = new Map<string, Remembered>(
    // What an earlier agent has seen holds until it is found gone: a restart moves no label.
    Object.entries(await readRemembered(path)).map(([key, { paths, bytes }]) => [key, { paths, bytes, missing: 0 }]),
  );
  let isWriting = false;

  const write = () => {
    if (isWriting) return;
    isWriting = true;
    setTimeout(() => {
      isWriting = false;
      const text = JSON.stringify(Object.fromEntries([...known].map(([key, { paths, bytes }]) => [key, { paths, bytes }])));
      writeFileAtomic(path, `${text}\n`, { mode: 0o600, fsync: false }).catch((error: unknown) =>
        say(`the weights that this Mac holds cannot be remembered (${error instanceof Error ? error.message : error})`),
      );
    }, WRITE_MS).unref();
  };
  const remember = ({ weights, paths }: WeightsOnDisk) => {
    if (paths.length === 0 || paths.length > MOST_FILES) return;
    const key = weightsKey(weights);
    const before = known.get(key);
    if (before !== undefined && before.paths.join("\n") === paths.join("\n")) return;
    known.delete(key);
    known.set(key, { paths: [...paths], bytes: undefined, missing: 0 });
    const [oldest] = known.keys();
    if (known.size > MOST_REMEMBERED && oldest !== undefined) known.delete(oldest);
    write();
  };
  const lookAt = (one: Remembered) => {
    const all = one.paths.map(looks.look);
    if (all.some(({ state }) => state === "missing")) {
      one.missing += 1;
      return;
    }
    const found = all.flatMap((look) => (look.state === "found" ? [look.stats.size] : []));
    if (found.length < all.length) return;
    one.missing = 0;
    const bytes = found.reduce((sum, size) => sum + size, 0);
    if (bytes === one.bytes) return;
    one.bytes = bytes;
    write();
  };
  return {
    told: () =>
      toldWeights(
        [...known].flatMap(([key, { bytes, missing }]) => (bytes !== undefined && missing < 2 ? [{ key, bytes }] : [])),
      ),
    refresh: (onDisk) => {
      for (const one of onDisk) remember(one);
      for (const one of known.values()) lookAt(one);
    },
  };
}

async function readRemembered(path: string): Promise<z.output<typeof fileSchema>> {
  try {
    return fileSchema.parse(JSON.parse(await readFile(path, "utf8")));
  } catch {
    return {};
  }
}
