import { rename, stat } from "node:fs/promises";
import { type Failure, fail } from "../../api/result.ts";
import { withTokenFile } from "../../fetch/hub-token.ts";
import { locate } from "../../fetch/locate.ts";
import { type FileGate, fileGate, type GateLimits } from "../files/gate.ts";
import type { FileLooks } from "../files/looks.ts";
import { sha256OfFile } from "./checked.ts";
import { download } from "./download.ts";
import { type ModelFiles, type ModelSource, modelFiles, versionsPath } from "./files.ts";
import type { StoreLimits } from "./limits.ts";
import type { StoredModel } from "./stored.ts";
import { checkedSha256, rememberChecked } from "./versions.ts";

/** Each holds up to four connections, and as many threads of the pool where its disk hangs. */
const DOWNLOADING: GateLimits = { most: 6, mostOnOneDisk: 6 };

export interface ProviderOptions {
  readonly folder: string;
  readonly looks: FileLooks;
  /** For reading whole files. */
  readonly checks: FileGate;
  readonly clock: () => number;
  readonly signal: AbortSignal;
  readonly limits: StoreLimits;
}

type Say = (message: string) => void;
export type Provide = (model: ModelSource, progress: Say) => Promise<StoredModel>;

/**
 * Brings the files of a model into the folder. All who ask for one source come one after the other, so that the second finds what the
 * first has fetched: a file that came without a sha256 is checked, once, for whoever names one. If it does not match, the file stays for
 * the others, and the source is asked for another version.
 */
export function provider({ folder, looks, checks, clock, signal, limits }: ProviderOptions): Provide {
  const downloads = fileGate(clock, DOWNLOADING);
  const lastOf = new Map<string, Promise<unknown>>();

  const downloadAll = async (files: ModelFiles, { source, sha256 }: ModelSource, progress: Say) => {
    for (const [index, file] of files.entries()) {
      const location = locate(file.source, await withTokenFile(process.env));
      if (!location.ok) return location;
      if (location.value.kind === "file") return fail(`${location.value.name} is not an address to download from`);
      const where = location.value;
      const shard = files.length > 1 ? `shard ${index + 1} of ${files.length}, ` : "";
      if (downloads.isBusy(file.path)) progress("waits for other downloads");
      const isNamed = index === 0;
      const failure = await downloads.run(file.path, () =>
        download({
          location: where,
          path: file.path,
          sha256: isNamed ? sha256 : undefined,
          ...(isNamed && { versionsPath: versionsPath(folder, source) }),
          ...{ limits, signal, progress: (message: string) => progress(shard + message) },
        }),
      );
      if (failure !== undefined) return failure;
      await looks.lookNow(file.path);
    }
    return undefined;
  };

  /** Whether the file that came without a sha256 has this one. */
  const isUnchecked = async ({ source, sha256 }: ModelSource, progress: Say): Promise<boolean> => {
    const [{ path }, ...shards] = modelFiles(folder, source, undefined);
    if (sha256 === undefined || !(await areThere([path, ...shards.map((shard) => shard.path)]))) return false;
    const notes = versionsPath(folder, source);
    const before = await checkedSha256(notes, path);
    if (before !== undefined) return before === sha256;
    const found = await checks.run(path, () => sha256OfFile(path, progress));
    if (found.ok) await rememberChecked(notes, path, found.value);
    return found.ok && found.value === sha256;
  };

  const provide = async (model: ModelSource, progress: Say): Promise<StoredModel> => {
    const own = modelFiles(folder, model.source, model.sha256);
    if (await isUnchecked(model, progress)) {
      return { state: "ready", path: modelFiles(folder, model.source, undefined)[0].path };
    }
    const failure: Failure | undefined = await downloadAll(own, model, progress);
    return failure === undefined ? { state: "ready", path: own[0].path } : { state: "failed", failure };
  };

  return async (model, progress) => {
    const before = lastOf.get(model.source);
    if (before !== undefined) progress("it is downloaded for another model");
    const mine = (before ?? Promise.resolve()).then(() => provide(model, progress));
    const settled = mine.then(
      () => {},
      () => {},
    );
    lastOf.set(model.source, settled);
    try {
      return await mine;
    } finally {
      if (lastOf.get(model.source) === settled) lastOf.delete(model.source);
    }
  };
}

async function areThere(paths: readonly string[]): Promise<boolean> {
  for (const path of paths) {
    const isFile = await stat(path).then(
      (stats) => stats.isFile(),
      () => false,
    );
    if (!isFile) return false;
  }
  return true;
}

/**
 * Gives the files of a model, which were checked, the names of those that serve who names no sha256: one name for all, by which they are
 * found, and kept, whoever is left.
 */
export async function shared(folder: string, { source, sha256 }: ModelSource, looks: FileLooks): Promise<void> {
  if (sha256 === undefined) return;
  const to = modelFiles(folder, source, undefined);
  for (const [index, { path }] of modelFiles(folder, source, sha256).entries()) {
    const name = to[index]?.path;
    if (name !== undefined) await rename(path, name);
  }
  await rememberChecked(versionsPath(folder, source), to[0].path, sha256);
  for (const { path } of to) await looks.lookNow(path);
}
