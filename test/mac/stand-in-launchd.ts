/**
 * A stand-in for launchctl, and for launchd itself: `node stand-in-launchd.ts FOLDER ARGUMENTS`, where FOLDER has a file for each job that
 * is loaded. It starts what a property list names with the environment of a daemon, and again if that ends with another code than 0. As the
 * real one it returns from bootout before the job is gone, and answers 5 to a bootstrap in that window.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parse } from "plist";
import * as z from "zod";

const plistSchema = z.looseObject({
  ProgramArguments: z.array(z.string()).min(1),
  EnvironmentVariables: z.record(z.string(), z.string()).default({}),
  WorkingDirectory: z.string().default("/"),
  StandardOutPath: z.string().default("/dev/null"),
  KeepAlive: z.unknown().optional(),
});

/** The real one waits ten seconds between two starts. */
const THROTTLE_MS = 1000;
const START_MS = 10_000;
const PATH = "/usr/bin:/bin:/usr/sbin:/sbin";
/** What makes a process believe that it runs on a Mac. */
const PLAYED = ["PLAY_MAC", "NODE_OPTIONS"].map((name) => [name, process.env[name] ?? ""]);

const [folder = "", verb = "", ...args] = process.argv.slice(2);
const stateOf = (label: string) => join(folder, label);
const labelIn = (target = "") => basename(target).replace(/\.plist$/, "");

function end(code: number, words: string): never {
  console.error(words);
  process.exit(code);
}

/** Runs one job until it is told to end, and then removes its file. */
async function runJob(plist: string): Promise<void> {
  const { ProgramArguments, EnvironmentVariables, WorkingDirectory, StandardOutPath, KeepAlive } = plistSchema.parse(
    parse(readFileSync(plist, "utf8")),
  );
  const [file = "", ...rest] = ProgramArguments;
  const state = stateOf(labelIn(plist));
  const over = new AbortController();
  process.on("SIGTERM", () => over.abort());
  while (!over.signal.aborted) {
    const log = openSync(StandardOutPath, "a", 0o644);
    const env = { PATH, ...Object.fromEntries(PLAYED), ...EnvironmentVariables };
    const child = spawn(file, rest, { cwd: WorkingDirectory, env, stdio: ["ignore", log, log] });
    const ended = once(child, "exit");
    writeFileSync(state, JSON.stringify({ launchd: process.pid, pid: child.pid }));
    const terminate = () => child.kill("SIGTERM");
    over.signal.addEventListener("abort", terminate);
    const [code] = await ended;
    over.signal.removeEventListener("abort", terminate);
    writeFileSync(state, JSON.stringify({ launchd: process.pid, code }));
    if (code === 0 || KeepAlive === undefined) break;
    await sleep(THROTTLE_MS, undefined, { signal: over.signal }).catch(() => {});
  }
  // A job that has ended stays loaded.
  if (!over.signal.aborted) await new Promise((resolve) => over.signal.addEventListener("abort", resolve));
}

async function bootstrap(plist: string): Promise<void> {
  const state = stateOf(labelIn(plist));
  if (existsSync(state) || !existsSync(plist)) end(5, "Bootstrap failed: 5: Input/output error");
  mkdirSync(folder, { recursive: true });
  const options = { detached: true, stdio: "ignore" } as const;
  spawn(process.execPath, [import.meta.filename, folder, "run", plist], options).unref();
  for (const deadline = Date.now() + START_MS; !existsSync(state) && Date.now() < deadline; ) await sleep(20);
}

function print(target: string): void {
  if (target === "system") {
    console.log("system = {\n\ttype = system\n}");
    return;
  }
  const state = stateOf(labelIn(target));
  if (!existsSync(state)) end(113, `Bad request.\nCould not find service "${labelIn(target)}" in domain for system`);
  const { pid, code } = JSON.parse(readFileSync(state, "utf8"));
  const now = pid === undefined ? `\tlast exit code = ${code}` : `\tpid = ${pid}`;
  console.log(`${target} = {\n\tstate = ${pid === undefined ? "not running" : "running"}\n${now}\n}`);
}

if (verb === "run") {
  const [plist = ""] = args;
  await runJob(plist);
  rmSync(stateOf(labelIn(plist)), { force: true });
  process.exit(0);
} else if (verb === "bootstrap") await bootstrap(args[1] ?? "");
else if (verb === "print") print(args[0] ?? "");
else if (verb === "procinfo") console.log("\tjetsam priority = 40\n\tjetsam memory limit (active) = 512 MB");
else if (verb === "bootout") {
  const state = stateOf(labelIn(args[0]));
  if (!existsSync(state)) end(3, "Boot-out failed: 3: No such process");
  process.kill(JSON.parse(readFileSync(state, "utf8")).launchd, "SIGTERM");
} else if (verb !== "enable") end(64, `Unrecognized subcommand: ${verb}`);
