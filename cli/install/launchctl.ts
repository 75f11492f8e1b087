import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { errorText } from "../../api/error-code.ts";
import { quoted } from "../../api/plain-text.ts";
import { fail, ok, type Result } from "../../api/result.ts";
import { EXIT_SECONDS, LABEL } from "../../cluster/launchd.ts";
import { pause } from "../interrupt.ts";
import { type Job, parseJob } from "../launchd.ts";

/** Where launchd looks, who is asked, and how patiently. Milliseconds. */
export interface LaunchdSite {
  readonly folder: string;
  readonly launchctl: string;
  /** Between two looks. */
  readonly pauseMs: number;
  /** How long the job may take to end. */
  readonly goneMs: number;
  /** How long it may take to run, and how long it must then have run. */
  readonly startMs: number;
  readonly steadyMs: number;
}

/** launchd itself kills the job after EXIT_SECONDS. */
export const PATIENCE = { pauseMs: 500, goneMs: (EXIT_SECONDS + 15) * 1000, startMs: 20_000, steadyMs: 4000 };

const TARGET = `system/${LABEL}`;
const TRIES = 6;
const TIMEOUT_MS = 60_000;
/** Bootstrap while the job before is still there, or of a label that was disabled. */
const EIO = 5;
/** launchctl's own code for a service that it could not find. */
const NOT_FOUND = 113;

export function plistPath({ folder }: Pick<LaunchdSite, "folder">): string {
  return join(folder, `${LABEL}.plist`);
}

/** The commands that load the job, and the ones that unload it, as a person would type them. */
export function loadingCommands(site: LaunchdSite): readonly (readonly string[])[] {
  return [
    [site.launchctl, "enable", TARGET],
    [site.launchctl, "bootstrap", "system", plistPath(site)],
    [site.launchctl, "print", TARGET],
  ];
}

export function unloadingCommands({ launchctl }: LaunchdSite): readonly (readonly string[])[] {
  return [
    [launchctl, "bootout", TARGET],
    [launchctl, "print", TARGET],
  ];
}

interface Ran {
  /** The exit code; null if it was killed or could not be run. */
  readonly code: number | null;
  readonly stdout: string;
  /** launchctl's own words. */
  readonly words: string;
}

async function launchctl(site: LaunchdSite, args: readonly string[]): Promise<Ran> {
  const ran = new Promise<Ran>((resolve) => {
    execFile(site.launchctl, args, { timeout: TIMEOUT_MS, killSignal: "SIGKILL" }, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === "number" ? error.code : null;
      const said = [stderr, stdout].map((text) => text.trim()).find((text) => text !== "");
      resolve({ code, stdout, words: said ?? error?.message ?? "" });
    });
  });
  return ran.catch((error: unknown) => ({ code: null, stdout: "", words: errorText(error) }));
}

function failed(site: LaunchdSite, args: readonly string[], { code, words }: Ran): string {
  return `${site.launchctl} ${args.join(" ")} failed (${code ?? "no exit code"}): ${quoted(words)}`;
}

/** Fails if launchctl tells neither what the job does nor that there is none. */
export async function jobNow(site: LaunchdSite): Promise<Result<Job>> {
  const args = ["print", TARGET];
  const printed = await launchctl(site, args);
  if (printed.code === 0) return ok(parseJob(printed.stdout));
  return printed.code === NOT_FOUND ? ok({ state: "gone" }) : fail(failed(site, args, printed));
}

const INTERRUPTED = fail("interrupted", "interrupted");

/** Ends the job and waits until launchd has forgotten it: its servers drain first. Says whether there was one. */
export async function unloadJob(site: LaunchdSite, stop: AbortSignal): Promise<Result<"gone" | "ended">> {
  const before = await jobNow(site);
  if (!before.ok) return before;
  if (before.value.state === "gone") return ok("gone");
  const args = ["bootout", TARGET];
  const asked = await launchctl(site, args);
  const deadline = Date.now() + site.goneMs;
  for (;;) {
    const job = await jobNow(site);
    if (job.ok && job.value.state === "gone") return ok("ended");
    if (stop.aborted) return INTERRUPTED;
    if (Date.now() > deadline) {
      const why = asked.code === 0 ? "" : `; ${failed(site, args, asked)}`;
      return fail(`the agent has not ended within ${site.goneMs / 1000} s${why}`);
    }
    await pause(site.pauseMs, stop);
  }
}

/** Loads the job from its file, and tries again where launchd may still be busy with the one before. */
export async function loadJob(site: LaunchdSite, stop: AbortSignal): Promise<Result<undefined>> {
  const enable = ["enable", TARGET];
  const enabled = await launchctl(site, enable);
  const args = ["bootstrap", "system", plistPath(site)];
  for (let tries = 1; ; tries += 1) {
    if (stop.aborted) return INTERRUPTED;
    const loaded = await launchctl(site, args);
    if (loaded.code === 0) return ok(undefined);
    if (stop.aborted) return INTERRUPTED;
    if (loaded.code !== EIO || tries === TRIES) {
      const first = enabled.code === 0 ? "" : `; ${failed(site, enable, enabled)}`;
      return fail(`${failed(site, args, loaded)}${first}`);
    }
    await pause(site.pauseMs * tries, stop);
  }
}

/** Waits until the job has run for a while with one pid, or has ended and not come back for as long. What it does then. */
export async function steadyJob(site: LaunchdSite, stop: AbortSignal): Promise<Result<Job>> {
  const begun = Date.now();
  let seen = { what: "", at: begun };
  for (;;) {
    const job = await jobNow(site);
    if (!job.ok) return job;
    const now = Date.now();
    const what = steadyState(job.value);
    if (seen.what !== what) seen = { what: what ?? "", at: now };
    else if (now - seen.at >= site.steadyMs) return job;
    if (stop.aborted) return INTERRUPTED;
    if (now - begun > site.startMs) return ok({ state: "idle", lastExit: undefined });
    await pause(site.pauseMs, stop);
  }
}

/** Undefined for what will not last: launchd is about to start it. */
function steadyState(job: Job): string | undefined {
  if (job.state === "running") return String(job.pid);
  return job.state === "idle" && job.lastExit !== undefined && job.lastExit !== "(never exited)" ? "ended" : undefined;
}

/** How things stand, for who interrupted. */
export async function standing(site: LaunchdSite, plist: string): Promise<string> {
  const written = await readFile(plistPath(site), "utf8").catch(() => undefined);
  const file = written === undefined ? "does not exist" : written === plist ? "is the new one" : "is the earlier one";
  const job = await jobNow(site);
  const what = !job.ok
    ? job.error
    : job.value.state === "gone"
      ? "launchd has no such job"
      : job.value.state === "running"
        ? `the agent runs (pid ${job.value.pid})`
        : "the job is loaded and does not run";
  return `${plistPath(site)} ${file}; ${what}`;
}
