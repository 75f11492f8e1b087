import { statSync } from "node:fs";
import { open } from "node:fs/promises";
import { type Failure, fail, failIn } from "../../api/result.ts";
import { tokenStamp, withTokenFile } from "../../fetch/hub-token.ts";
import { locate } from "../../fetch/locate.ts";
import { failureOf, fileRefusal } from "../../fetch/refusal.ts";
import { attempts } from "./attempts.ts";
import { fileDigest } from "./digest.ts";
import { download } from "./download.ts";
import { changeStamp, contentStamp } from "./file-stamp.ts";
import { type ModelFile, type ModelSource, modelFiles } from "./files.ts";
import { DEFAULT_LIMITS, type StoreLimits } from "./limits.ts";

export type StoredModel =
  | { readonly state: "absent" }
  | { readonly state: "working"; readonly message: string }
  | { readonly state: "ready"; readonly path: string }
  | { readonly state: "failed"; readonly failure: Failure };

type Say = (message: string) => void;

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
  clock: () => number = () => performance.now(),
) {
  const jobs = attempts<StoredModel>({
    failureIn: (view) => (view.state === "failed" ? view.failure : undefined),
    failed,
    changed,
    clock,
  });

  const fetchFiles = async (files: readonly ModelFile[], sha256: string | undefined, progress: Say) => {
    for (const [index, { source, path }] of files.entries()) {
      const location = locate(source, withTokenFile(process.env));
      if (!location.ok) return location;
      if (location.value.kind === "file") return fail(`${location.value.name} is not an address to download from`);
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

  /** @param revision of the manifest: another one is a reason to try again what failed for good */
  return ({ source, sha256 }: ModelSource, intent: "look" | "fetch", revision = ""): StoredModel => {
    const location = locate(source, process.env);
    if (!location.ok) return failed(location);
    if (location.value.kind === "file") {
      const { path } = location.value;
      if (sha256 === undefined || intent === "look") return { state: "ready", path };
      return jobs.look({
        key: `${contentStamp(path)} ${path} ${sha256}`,
        ...{ stamp: changeStamp(path), revision, begun },
        run: (show) => checked(path, sha256, (message) => show({ state: "working", message })),
      });
    }
    const files = modelFiles(folder, source, sha256);
    const [{ path }] = files;
    if (files.every((file) => isFile(file.path))) return { state: "ready", path };
    if (intent === "look") return { state: "absent" };
    const work = {
      key: path,
      ...{ stamp: tokenStamp(source, process.env), revision, begun },
      run: async (show: (view: StoredModel) => void): Promise<StoredModel> => {
        const failure = await fetchFiles(files, sha256, (message) => show({ state: "working", message }));
        return failure === undefined ? { state: "ready", path } : failed(failure);
      },
    };
    const view = jobs.look(work);
    if (view.state !== "ready") return view;
    // It was there and is not any more.
    jobs.forget(path);
    return jobs.look(work);
  };
}

function begun(): StoredModel {
  return { state: "working", message: "0%" };
}

function failed(failure: Failure): StoredModel {
  return { state: "failed", failure };
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
      return failed(fail(`${path} has sha256 ${found}, the Model asks for ${sha256}`));
    } finally {
      await file.close();
    }
  } catch (error) {
    return failed(failIn(path, failureOf(fileRefusal(error))));
  }
}
