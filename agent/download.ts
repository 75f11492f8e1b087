import { createHash } from "node:crypto";
import { mkdir, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { Agent } from "undici";
import { get, headerOf, statusRefusal } from "../memory/gguf/http-request.ts";
import type { HttpLocation } from "../memory/gguf/locate.ts";
import { Refusal } from "../memory/gguf/refusal.ts";

export interface Download {
  readonly location: HttpLocation;
  /** Where the whole, checked file appears; `.part` is appended until then. */
  readonly path: string;
  readonly sha256: string | undefined;
  readonly signal: AbortSignal;
  readonly progress: (message: string) => void;
}

const MAGIC = Buffer.from("GGUF");
const SPLIT = /-\d{5}-of-\d{5}\.gguf$/;

/**
 * Downloads a model; undefined when it is in place, else one sentence. Size, magic and sha256 are checked before the file
 * gets its name, so a file with that name is whole (#642).
 */
export async function download(job: Download): Promise<string | undefined> {
  const { name } = job.location;
  if (SPLIT.test(job.location.url.pathname)) {
    return `${name} is one part of a split model, which is not downloaded: fetch all parts and name the first by its path`;
  }
  const part = `${job.path}.part`;
  const dispatcher = new Agent();
  try {
    await mkdir(dirname(job.path), { recursive: true });
    await receive(job, part, dispatcher);
    await rename(part, job.path);
    return undefined;
  } catch (error) {
    await rm(part, { force: true }).catch(() => {});
    if (job.signal.aborted) return `the download of ${name} was cancelled`;
    return sentence(error, name, dirname(job.path));
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
      progress(Number.isNaN(length) ? `${done} bytes` : `${Math.floor((done / length) * 100)}%`);
    }
    await file.sync();
  } finally {
    await file.close();
  }
  if (done < 24 || (!Number.isNaN(length) && done !== length)) throw new Refusal(`it ended after ${done} bytes`);
  const digest = hash.digest("hex");
  if (sha256 !== undefined && digest !== sha256) {
    throw new Refusal(`its sha256 is ${digest}, the Model asks for ${sha256}`);
  }
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
