import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { extname, join } from "node:path";
import { NO_SAMPLES } from "../decisions/footprint.ts";
import type { Sighting } from "../decisions/watch.ts";
import { watchdogPath } from "../state/layout.ts";
import { removeWatchdogFile } from "../status/watchdog-file-write.ts";
import { ARGUMENT, type FromWatchdog, type Held, type Report, type ToWatchdog } from "./protocol.ts";
import { openQuestions } from "./questions.ts";

/** The watchdog as the agent's main part sees it. */
export interface Watchdog {
  /** Replaces all that it holds, at once. The first process starts it. */
  readonly hold: (held: Held) => void;
  /** Says that the main part is alive; once a tick. */
  readonly beat: () => void;
  /**
   * What it knows of a process; its times are of the main part's clock. Undefined before its first sample. While no watchdog is up,
   * the memory of each process is unknown.
   */
  readonly sighting: (key: string, pid: number) => Sighting | undefined;
  /**
   * Whether it has told all that it did to a process before that ended: of a main part that was stuck, the end is seen before the reports
   * are. It is asked the first time, and wakes the agent with its answer. True, too, where none answers.
   */
  readonly hasTold: (pid: number) => boolean;
  /** Sentences about itself that a person should act on; none while all is well. */
  readonly problems: () => readonly string[];
  readonly notes: () => readonly string[];
  /** Ends it, and leaves the processes that it held running. */
  readonly close: () => Promise<void>;
}

export interface WatchdogOptions {
  readonly stateDirectory: string;
  /** A monotonic clock, in milliseconds. */
  readonly clock: () => number;
  /** Gets one sentence when the watchdog itself ends. */
  readonly say: (message: string) => void;
  /** Called when it has begun a stop, so that the status shows it at once. */
  readonly wake: () => void;
}

const PROGRAM = join(import.meta.dirname, `main${extname(import.meta.filename)}`);
/** It allocates little, and what it does is soon garbage. */
const NODE_FLAGS = ["--max-semi-space-size=1", "--max-old-space-size=64"];
/** Without a report for this long, nothing is known of the processes any more. */
const SILENT_MS = 5000;
/** Between two tries to start it, after one that did not last. */
const RESTART_MS = 1000;
const CLOSE_MS = 2000;

interface Known {
  readonly sightings: ReadonlyMap<string, Sighting>;
  readonly at: number;
}

/**
 * A process that holds servers to their budgets, apart from everything else that the agent does (docs/decisions/watchdog-process.md).
 * It is started with the first process that it is to hold. If it ends, another one is started at once.
 */
export function openWatchdog({ stateDirectory, clock, say, wake }: WatchdogOptions): Watchdog {
  let child: ChildProcess | undefined;
  let held: Held | undefined;
  let sent = "";
  let known: Known = { sightings: new Map(), at: clock() };
  let failure: string | undefined;
  let closed = false;
  const send = (message: ToWatchdog) => {
    if (child?.connected) child.send(message, () => {});
  };
  const questions = openQuestions((question) => send({ kind: "ask", question }), clock, SILENT_MS);
  const start = () => {
    const startedAt = clock();
    const next = spawnWatchdog(stateDirectory);
    child = next;
    next.on("message", (message: FromWatchdog) => {
      if (message.kind === "say") return say(message.message);
      const before = known;
      known = received(message, clock());
      failure = undefined;
      const answers = questions.answer(message.answers);
      if (answers || isNews(before, known)) wake();
    });
    const ended = (why: string) => {
      if (child !== next) return;
      child = undefined;
      questions.forget();
      if (closed) return;
      const before = failure;
      failure = `the watchdog ended (${why}); until it is up again no budget is enforced, and nothing new is started`;
      // One that cannot be started is tried each second, and said once.
      if (failure !== before) say(`the watchdog ended (${why}): starting another one`);
      setTimeout(restart, clock() - startedAt < RESTART_MS ? RESTART_MS : 0).unref();
    };
    next.once("error", ({ message }) => ended(message));
    next.once("exit", (code, signal) => ended(signal ?? `exit code ${code}`));
    if (held !== undefined) send({ kind: "hold", holding: held });
  };
  const restart = () => {
    if (child === undefined && !closed) start();
  };
  return {
    hold: (next) => {
      const text = JSON.stringify(next);
      // It reports nothing while it holds nothing.
      if ((held?.processes.length ?? 0) === 0) known = { ...known, at: clock() };
      held = next;
      if (closed || text === sent || (sent === "" && next.processes.length === 0)) return;
      const first = sent === "";
      sent = text;
      if (first) start();
      else send({ kind: "hold", holding: next });
    },
    beat: () => send({ kind: "beat" }),
    sighting: (key, pid) =>
      sightingOf(known.sightings.get(key), pid, failure !== undefined || clock() - known.at > SILENT_MS),
    hasTold: (pid) => !child?.connected || questions.settled(pid),
    problems: () => {
      if (failure !== undefined) return [failure];
      const silent = clock() - known.at;
      if (child === undefined || silent <= SILENT_MS || (held?.processes.length ?? 0) === 0) return [];
      return [`the watchdog has not reported for ${Math.round(silent / 1000)} s`];
    },
    notes: () => [],
    close: async () => {
      closed = true;
      const pid = child?.pid;
      if (child !== undefined) await end(child);
      // Another agent may have taken over the state folder, and its watchdog the file.
      if (sent !== "" && fileNames(watchdogPath(stateDirectory), pid))
        await removeWatchdogFile(watchdogPath(stateDirectory));
    },
  };
}

function fileNames(path: string, pid: number | undefined): boolean {
  try {
    const content: unknown = JSON.parse(readFileSync(path, "utf8"));
    return typeof content === "object" && content !== null && "pid" in content && content.pid === pid;
  } catch {
    return false;
  }
}

/** @param unheld whether no watchdog is up, so that nothing is known of any process */
function sightingOf(sighting: Sighting | undefined, pid: number, unheld: boolean): Sighting | undefined {
  const own = sighting?.pid === pid ? sighting : undefined;
  if (!unheld) return own;
  const { footprint = NO_SAMPLES, gone = false, stop } = own ?? {};
  return { pid, footprint: { ...footprint, unknown: true }, gone, stop };
}

/** In a session of its own, so that no signal of the terminal reaches it, and without the environment of the agent, which it does not need. */
function spawnWatchdog(stateDirectory: string): ChildProcess {
  const args = [...NODE_FLAGS, PROGRAM, ARGUMENT, String(process.pid), stateDirectory];
  const env = { PATH: process.env["PATH"] ?? "", LC_ALL: "C" };
  const child = spawn(process.execPath, args, { detached: true, env, stdio: ["ignore", "ignore", "ignore", "ipc"] });
  child.unref();
  child.channel?.unref();
  return child;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const exited = once(child, "exit", { signal: AbortSignal.timeout(CLOSE_MS) }).catch(() => {});
  child.ref();
  child.kill("SIGKILL");
  await exited;
}

/** Its clock and this one differ by a constant, apart from how long the report was under way. */
function received({ now, sightings }: Report, at: number): Known {
  const here = (there: number) => at - (now - there);
  const moved = sightings.map(([key, { footprint, stop, ...rest }]): readonly [string, Sighting] => {
    const { sampledAt, flatSince, ...samples } = footprint;
    const times = {
      ...(sampledAt !== undefined && { sampledAt: here(sampledAt) }),
      ...(flatSince !== undefined && { flatSince: here(flatSince) }),
    };
    const known = { ...rest, footprint: { ...samples, ...times } };
    return [key, stop === undefined ? known : { ...known, stop: { ...stop, at: here(stop.at) } }];
  });
  return { at, sightings: new Map(moved) };
}

/** Whether the watchdog has begun a stop, or measured a process for the first time. */
function isNews(before: Known, { sightings }: Known): boolean {
  return [...sightings].some(([key, { pid, stop }]) => {
    const old = before.sightings.get(key);
    return old?.pid !== pid || (old.stop === undefined && stop !== undefined);
  });
}
