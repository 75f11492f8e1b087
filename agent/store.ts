import { createHash } from "node:crypto";
import { createReadStream, statSync } from "node:fs";
import { basename, join } from "node:path";
import { locate } from "../memory/gguf/locate.ts";
import { download } from "./download.ts";
import type { ModelFile } from "./model-files.ts";

export type StoredModel =
  | { readonly state: "absent" }
  | { readonly state: "working"; readonly message: string }
  | { readonly state: "ready"; readonly path: string }
  | { readonly state: "failed"; readonly error: string };

interface Job {
  view: StoredModel;
  failedAt?: number;
}

/** After this a failed download or check is tried again. */
const RETRY_MS = 30_000;

/**
 * Models on this machine. Paths and file:// are used in place; http(s) and hf:// are downloaded into `folder`, once for
 * all who ask for the same source. A model with a sha256 is ready only after its bytes have been checked.
 */
export function modelStore(folder: string, changed: () => void, signal: AbortSignal) {
  const jobs = new Map<string, Job>();

  const begin = (key: string, work: (progress: (message: string) => void) => Promise<StoredModel>): StoredModel => {
    const known = jobs.get(key);
    if (known !== undefined && (known.failedAt === undefined || Date.now() - known.failedAt < RETRY_MS)) {
      return known.view;
    }
    const job: Job = { view: { state: "working", message: "0%" } };
    jobs.set(key, job);
    void work((message) => (job.view = { state: "working", message })).then((view) => {
      job.view = view;
      if (view.state === "failed") job.failedAt = Date.now();
      changed();
    });
    return job.view;
  };

  return ({ source, sha256 }: ModelFile, intent: "look" | "fetch"): StoredModel => {
    const location = locate(source, process.env);
    if (!location.ok) return { state: "failed", error: location.error };
    if (location.value.kind === "file") {
      const { path } = location.value;
      if (sha256 === undefined || intent === "look") return { state: "ready", path };
      return begin(`${stampOf(path)} ${path} ${sha256}`, (progress) => checked(path, sha256, progress));
    }
    const http = location.value;
    const path = join(folder, fileName(source, sha256));
    if (statSync(path, { throwIfNoEntry: false })?.isFile()) return { state: "ready", path };
    if (intent === "look") return { state: "absent" };
    return begin(path, async (progress) => {
      const failure = await download({ location: http, path, sha256, signal, progress });
      return failure === undefined ? { state: "ready", path } : { state: "failed", error: failure };
    });
  };
}

/** One name a source and checksum, which a person can still recognise. */
function fileName(source: string, sha256: string | undefined): string {
  const key = createHash("sha256")
    .update(`${source}\n${sha256 ?? ""}`)
    .digest("hex")
    .slice(0, 16);
  const plain = basename(source.replace(/[?#].*$/s, "")).replace(/[^\w.-]/g, "_");
  return `${key}-${plain.slice(-100)}`;
}

async function checked(path: string, sha256: string, progress: (message: string) => void): Promise<StoredModel> {
  try {
    const total = statSync(path).size;
    const hash = createHash("sha256");
    let done = 0;
    for await (const chunk of createReadStream(path, { highWaterMark: 2 ** 20 })) {
      hash.update(chunk);
      done += chunk.length;
      progress(`checking its sha256, ${Math.floor((done / total) * 100)}%`);
    }
    const digest = hash.digest("hex");
    if (digest === sha256) return { state: "ready", path };
    return { state: "failed", error: `${path} has sha256 ${digest}, the Model asks for ${sha256}` };
  } catch (error) {
    return { state: "failed", error: `${path} cannot be read: ${error instanceof Error ? error.message : error}` };
  }
}

function stampOf(path: string): string {
  const stats = statSync(path, { throwIfNoEntry: false });
  return stats === undefined ? "" : `${stats.mtimeMs} ${stats.size}`;
}
