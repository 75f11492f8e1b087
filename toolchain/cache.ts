import { createHash } from "node:crypto";
import { access, mkdir, mkdtemp, readdir, readFile, rename, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import envPaths from "env-paths";
import lockfile from "proper-lockfile";
import { errorCode } from "../api/error-code.ts";
import type { Site } from "./build/site.ts";
import { InterruptError, ToolchainError } from "./errors.ts";
import { pinPath, type Recipe } from "./tools.ts";

const CACHE_VARIABLE = "PULUMI_LLMKUBE_TOOLCHAIN";
/** A lock that was not touched for this long belongs to a dead process. Its owner touches it five times as often. */
const STALE_LOCK_MS = 30_000;
const LOCK_POLL_MS = 500;

/** The folder of the cache: $PULUMI_LLMKUBE_TOOLCHAIN, or the user's cache folder; never inside the checkout. */
export function cacheRoot(env: NodeJS.ProcessEnv = process.env): string {
  const chosen = env[CACHE_VARIABLE];
  return chosen ? resolve(chosen) : envPaths("pulumi-llmkube-toolchain", { suffix: "" }).cache;
}

/** The name of the cache entry. It is a hash of everything that the build depends on: pins, flags and machine. */
export async function entryName(
  recipe: Recipe,
  machine: { platform: string; arch: string } = { platform: process.platform, arch: process.arch },
): Promise<string> {
  const pins = await Promise.all(recipe.pins.map((pin) => readFile(pinPath(pin), "utf8")));
  const { about: _, ...inputs } = recipe;
  const key = JSON.stringify([inputs, machine.platform, machine.arch, pins]);
  return `${recipe.entry}-${createHash("sha256").update(key).digest("hex").slice(0, 16)}`;
}

/**
 * Creates one entry of the cache, only once even if several processes ask for it: under a lock, in a temporary folder
 * that is renamed at the end. An interrupt or a failure leaves no entry. The next build removes what a killed process
 * left.
 * @throws ToolchainError, or whatever `fill` throws
 */
export async function fillEntry(
  cache: { root: string; entry: string },
  fill: (site: Site) => Promise<void>,
  say: { waiting: () => void; progress: (line: string) => void },
): Promise<void> {
  const { root, entry } = cache;
  await writable(root);
  const stop = new AbortController();
  const unlock = await lock(join(root, entry), stop, say.waiting);
  const forget = abortOnInterrupt(stop);
  try {
    if (await exists(join(root, entry))) return;
    await removeLeftovers(root, entry);
    await fillBeside(cache, fill, { signal: stop.signal, progress: say.progress });
  } finally {
    forget();
    await unlock();
  }
}

async function fillBeside(
  { root, entry }: { root: string; entry: string },
  fill: (site: Site) => Promise<void>,
  { signal, progress }: Pick<Site, "signal" | "progress">,
): Promise<void> {
  const folder = await mkdtemp(join(root, `${entry}.building-`));
  const [output, scratch, log] = [join(folder, "entry"), join(folder, "scratch"), join(root, `${entry}.log`)];
  let worthReading = false;
  try {
    await mkdir(output);
    await mkdir(scratch);
    await fill({ entry: entry.replace(/-[0-9a-f]+$/, ""), output, scratch, log, signal, progress });
    signal.throwIfAborted();
    await rename(output, join(root, entry));
  } catch (error) {
    worthReading = !signal.aborted;
    throw error;
  } finally {
    if (!worthReading) await rm(log, { force: true });
    // Compilers that were just killed may still write for a moment.
    await rm(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  }
}

export async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

async function writable(root: string): Promise<void> {
  try {
    await mkdir(root, { recursive: true });
    await rm(await mkdtemp(join(root, "probe-")), { recursive: true });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new ToolchainError(
      `The toolchain cache ${root} is not writable (${why}): set ${CACHE_VARIABLE} to a writable folder.`,
    );
  }
}

/**
 * Waits as long as the owner of the lock is alive. If this process loses the lock during the build, the build stops.
 */
async function lock(path: string, stop: AbortController, waiting: () => void): Promise<() => Promise<void>> {
  const options = {
    realpath: false,
    stale: STALE_LOCK_MS,
    update: STALE_LOCK_MS / 5,
    onCompromised: () => stop.abort(new ToolchainError(`The lock of ${path} was taken by another process: try again.`)),
  };
  for (let attempt = 0; ; attempt++) {
    try {
      const release = await lockfile.lock(path, options);
      // Releasing a lost lock would throw, but the loss has been reported already.
      return () => release().catch(() => {});
    } catch (error) {
      if (errorCode(error) !== "ELOCKED") throw error;
      if (attempt === 0) waiting();
      await new Promise((done) => setTimeout(done, LOCK_POLL_MS));
    }
  }
}

/** Turns an interrupt into an abort, so that the folder is removed and the lock released before the process ends. */
function abortOnInterrupt(stop: AbortController): () => void {
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  const abort = (signal: NodeJS.Signals) => stop.abort(new InterruptError(signal));
  for (const signal of signals) process.on(signal, abort);
  return () => {
    for (const signal of signals) process.off(signal, abort);
  };
}

async function removeLeftovers(root: string, entry: string): Promise<void> {
  const names = (await readdir(root)).filter((name) => name.startsWith(`${entry}.building-`));
  await Promise.all(names.map((name) => rm(join(root, name), { recursive: true, force: true })));
}
