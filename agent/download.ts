import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, open, rename, rm, statfs } from "node:fs/promises";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import lockfile from "proper-lockfile";
import { Agent } from "undici";
import { get, headerOf, statusRefusal } from "../memory/gguf/http-request.ts";
import type { HttpLocation } from "../memory/gguf/locate.ts";
import { Refusal } from "../memory/gguf/refusal.ts";
import { formatBytes } from "../memory/quantity.ts";

export interface Download {
  readonly location: HttpLocation;
  /** Where the whole, checked file appears; `.part` is appended until then. */
  readonly path: string;
  readonly sha256: string | undefined;
  readonly signal: AbortSignal;
  readonly progress: (message: string) => void;
}

const MAGIC = Buffer.from("GGUF");
/** Nothing smaller can be a header. */
const SMALLEST = 24;
const SPLIT = /-\d{5}-of-\d{5}\.gguf$/;

/**
 * Downloads a model; undefined when it is in place, else one sentence. Size, magic and sha256 are checked before the file
 * gets its name, so a file with that name is whole (#642). Of several agents with one models folder one downloads, and the
 * others wait for it.
 */
export async function download(job: Download): Promise<string | undefined> {
  const { name, url } = job.location;
  if (SPLIT.test(url.pathname)) {
    return `${name} is one part of a split model, which is not downloaded: fetch all parts and name the first by its path`;
  }
  const folder = dirname(job.path);
  const stolen = new AbortController();
  const signal = AbortSignal.any([job.signal, stolen.signal]);
  try {
    await mkdir(folder, { recursive: true });
    const unlock = await lockPart(job, signal, () => stolen.abort());
    try {
      if (!existsSync(job.path)) await fetchWhole({ ...job, signal });
    } finally {
      await unlock().catch(() => {});
    }
    return undefined;
  } catch (error) {
    if (job.signal.aborted) return `the download of ${name} was cancelled`;
    if (stolen.signal.aborted) return `the download of ${name} was taken over by another agent`;
    return sentence(error, name, folder);
  }
}

const LOCK_STALE_MS = 15_000;
const LOCK_RETRY_MS = 1000;

/** Held while a `.part` is written; a lock that a killed agent left is waited out. The value releases it. */
async function lockPart(
  { path, progress }: Download,
  signal: AbortSignal,
  lost: () => void,
): Promise<() => Promise<void>> {
  const options = { realpath: false, stale: LOCK_STALE_MS, onCompromised: lost };
  for (;;) {
    try {
      return await lockfile.lock(`${path}.part`, options);
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "ELOCKED")) throw error;
      progress("another agent downloads it");
      await sleep(LOCK_RETRY_MS, undefined, { signal });
    }
  }
}

async function fetchWhole(job: Download): Promise<void> {
  const part = `${job.path}.part`;
  const dispatcher = new Agent();
  try {
    await receive(job, part, dispatcher);
    await rename(part, job.path);
  } catch (error) {
    await rm(part, { force: true }).catch(() => {});
    throw error;
  } finally {
    await dispatcher.destroy();
  }
}

async function receive({ location, sha256, signal, progress }: Download, part: string, dispatcher: Agent) {
  const { url, authorization } = location;
  const credentials = { origin: url.origin, authorization };
  const answer = await get(url, { "accept-encoding": "identity" }, { dispatcher, signal, credentials });
  if (answer.response.statusCode !== 200) throw statusRefusal(answer);
  const length = Number(headerOf(answer.response, "content-length") ?? Number.NaN);
  await checkSpace(dirname(part), length);
  const hash = createHash("sha256");
  const file = await open(part, "w", 0o600);
  let done = 0;
  try {
    for await (const chunk of answer.response.body) {
      if (done === 0 && !MAGIC.subarray(0, chunk.length).equals(chunk.subarray(0, MAGIC.length))) {
        throw new Refusal("it is no GGUF file: name the .gguf file itself");
      }
      hash.update(chunk);
      await file.writeFile(chunk);
      done += chunk.length;
      progress(Number.isNaN(length) ? formatBytes(done) : `${Math.floor((done / length) * 100)}%`);
    }
    await file.sync();
  } finally {
    await file.close();
  }
  if (done < SMALLEST || (!Number.isNaN(length) && done !== length)) throw new Refusal(`it ended after ${done} bytes`);
  const digest = hash.digest("hex");
  if (sha256 !== undefined && digest !== sha256) {
    throw new Refusal(`its sha256 is ${digest}, the Model asks for ${sha256}`);
  }
}

/** A length that is not known (NaN) is found out by writing. */
async function checkSpace(folder: string, length: number): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  if (!(length > bavail * bsize)) return;
  const [need, free] = [length, bavail * bsize].map(formatBytes);
  throw new Refusal(
    `it has ${need} and the disk of ${folder} has ${free} free: free space or name another folder with --models`,
  );
}

function sentence(error: unknown, name: string, folder: string): string {
  if (error instanceof Refusal) return `${name}: ${error.message}`;
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  if (["EACCES", "EROFS", "EPERM", "ENOTDIR", "EEXIST"].includes(code)) {
    return `the models folder ${folder} cannot be written (${code}): name another one with --models`;
  }
  if (code === "ENOSPC") return `the disk of ${folder} is full: free space or name another folder with --models`;
  return `${name}: the download broke off (${code || (error instanceof Error ? error.message : String(error))})`;
}
