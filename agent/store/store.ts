import { statSync } from "node:fs";
import { open } from "node:fs/promises";
import { withTokenFile } from "../../fetch/hub-token.ts";
import { locate } from "../../fetch/locate.ts";
import { fileDigest } from "./digest.ts";
import { download } from "./download.ts";
import { type ModelFile, type ModelSource, modelFiles } from "./files.ts";
import { DEFAULT_LIMITS, type StoreLimits } from "./limits.ts";

export type StoredModel =
  | { readonly state: "absent" }
  | { readonly state: "working"; readonly message: string }
  | { readonly state: "ready"; readonly path: string }
  | { readonly state: "failed"; readonly error: string };

interface Job {
  view: StoredModel;
  failedAt?: number;
}

type Say = (message: string) => void;

/** After this a failed download or check is tried again. */
const RETRY_MS = 30_000;

/**
 * Models on this machine. Paths and file:// are used in place; http(s) and hf:// are downloaded into `folder`, once for
 * all who ask for the same source. A model is ready only when all its shards are there, and its named file, where the Model
 * has a sha256, was checked.
 */
export function modelStore(
  folder: string,
  changed: () => void,
  signal: AbortSignal,
  limits: StoreLimits = DEFAULT_LIMITS,
) {
  const jobs = new Map<string, Job>();

  const begin = (key: string, work: (progress: Say) => Promise<StoredModel>): StoredModel => {
    const known = jobs.get(key);
    if (known !== undefined && (known.failedAt === undefined || performance.now() - known.failedAt < RETRY_MS)) {
      return known.view;
    }
    const job: Job = { view: { state: "working", message: "0%" } };
    jobs.set(key, job);
    const keep = (view: StoredModel) => {
      job.view = view;
      if (view.state === "failed") job.failedAt = performance.now();
      changed();
    };
    work((message) => (job.view = { state: "working", message })).then(keep, (error: unknown) =>
      keep({ state: "failed", error: String(error) }),
    );
    return job.view;
  };

  const fetchFiles = async (files: readonly ModelFile[], sha256: string | undefined, progress: Say) => {
    for (const [index, { source, path }] of files.entries()) {
      const location = locate(source, withTokenFile(process.env));
      if (!location.ok) return location.error;
      if (location.value.kind === "file") return `${location.value.name} is no address to download from`;
      const shard = files.length > 1 ? `shard ${index + 1} of ${files.length}, ` : "";
      const failure = await download({
        location: location.value,
        path,
        sha256: index === 0 ? sha256 : undefined,
        limits,
        signal,
        progress: (message) => progress(shard + message),
      });
      if (failure !== undefined) return failure;
    }
    return undefined;
  };

  return ({ source, sha256 }: ModelSource, intent: "look" | "fetch"): StoredModel => {
    const location = locate(source, process.env);
    if (!location.ok) return { state: "failed", error: location.error };
    if (location.value.kind === "file") {
      const { path } = location.value;
      if (sha256 === undefined || intent === "look") return { state: "ready", path };
      return begin(`${stampOf(path)} ${path} ${sha256}`, (progress) => checked(path, sha256, progress));
    }
    const files = modelFiles(folder, source, sha256);
    const [{ path }] = files;
    if (files.every((file) => isFile(file.path))) return { state: "ready", path };
    if (intent === "look") return { state: "absent" };
    // It was there and is not any more.
    if (jobs.get(path)?.view.state === "ready") jobs.delete(path);
    return begin(path, async (progress) => {
      const failure = await fetchFiles(files, sha256, progress);
      return failure === undefined ? { state: "ready", path } : { state: "failed", error: failure };
    });
  };
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true;
}

async function checked(path: string, sha256: string, progress: Say): Promise<StoredModel> {
  try {
    const file = await open(path, "r");
    try {
      const { size } = await file.stat();
      const digest = fileDigest(file);
      const percent = () => Math.floor((digest.hashedBytes() / size) * 100);
      await digest.upTo(size, () => progress(`checking its sha256, ${percent()}%`));
      const found = digest.hex();
      if (found === sha256) return { state: "ready", path };
      return { state: "failed", error: `${path} has sha256 ${found}, the Model asks for ${sha256}` };
    } finally {
      await file.close();
    }
  } catch (error) {
    return { state: "failed", error: `${path} cannot be read: ${error instanceof Error ? error.message : error}` };
  }
}

function stampOf(path: string): string {
  const stats = statSync(path, { throwIfNoEntry: false });
  return stats === undefined ? "" : `${stats.mtimeMs} ${stats.size}`;
}
