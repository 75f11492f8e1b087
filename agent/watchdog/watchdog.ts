import type { ChildProcess } from "node:child_process";
import type { Sighting } from "../decisions/watch.ts";
import { isGone } from "../host/is-gone.ts";
import { openMeter } from "../host/meter.ts";
import { watchdogPath } from "../state/layout.ts";
import { removeTempFilesOf } from "../state/stale-temp-files.ts";
import { removeWatchdogFile, watchdogPidIn } from "../status/watchdog-file-write.ts";
import { endChild, trySpawn } from "./child.ts";
import { isNews, type Known, received } from "./known.ts";
import type { FromWatchdog, Held, Report, ToWatchdog } from "./protocol.ts";
import { openQuestions } from "./questions.ts";
import { watchdogRounds } from "./rounds.ts";

/** The watchdog as the agent's main part sees it. */
export interface Watchdog {
  /** Replaces all that it holds, at once. The first process starts it. */
  readonly hold: (held: Held) => void;
  /**
   * Says that the main part is alive; once a tick. Replaces the process if it hangs, that is if it does not report though the main part
   * reads, and holds the budgets itself while there is none.
   */
  readonly beat: () => void;
  /** What it knows of a process; its times are of the main part's clock. Undefined before its first sample. */
  readonly sighting: (key: string, pid: number) => Sighting | undefined;
  /**
   * Whether it has told all that it did to a process before that ended: a main part that was stuck sees the end before the reports. It is
   * asked the first time, and wakes the agent with its answer. True, too, where none answers.
   */
  readonly hasTold: (pid: number) => boolean;
  /** Why nothing may start; undefined while all is well. */
  readonly trouble: () => string | undefined;
  /** Sentences about itself that a person should act on; none while all is well. */
  readonly problems: () => readonly string[];
  /** None: it has no news that are no problem. */
  readonly notes: () => readonly string[];
  /** Ends it, and leaves the processes that it held running. */
  readonly close: () => Promise<void>;
}

export interface WatchdogOptions {
  readonly stateDirectory: string;
  /** A monotonic clock, in milliseconds. */
  readonly clock: () => number;
  /** Gets one sentence when the watchdog itself ends, and none about the tries that fail after that. */
  readonly say: (message: string) => void;
  /** Called when it has begun a stop, so that the status shows it at once. */
  readonly wake: () => void;
  /** Starts the process; returns why it could not. For tests. */
  readonly spawn?: (stateDirectory: string) => ChildProcess | string;
}

/** Without a report for this long, nothing is known of the processes any more. */
const SILENT_MS = 5000;
/** Beats without a report between them: the main part was not blocked meanwhile, it would have read one. */
const SILENT_BEATS = 3;
/** Between two tries to start it, after one that did not last. */
const RESTART_MS = 1000;

/**
 * A process that holds servers to their budgets, apart from everything else that the agent does (docs/decisions/watchdog-process.md).
 * It is started with the first process that it is to hold. If it ends, another one is started at once.
 */
export function openWatchdog(options: WatchdogOptions): Watchdog {
  const { stateDirectory, clock, wake } = options;
  let held: Held = { processes: [], shareBytes: Number.POSITIVE_INFINITY };
  let sent = "";
  let known: Known = { sightings: new Map(), at: clock() };
  const learn = (report: Report) => {
    const before = known;
    known = received(report, clock());
    const isAnswer = questions.answer(report.answers);
    if (isAnswer || isNews(before, known)) wake();
  };
  const ask = (question: number) => process.send({ kind: "ask", question });
  const questions = openQuestions(ask, clock, SILENT_MS);
  const process = keptProcess(options, { held: () => held, learn, ended: questions.forget });
  let standIn: ((held: Held) => void) | undefined;
  const isSilent = () => held.processes.length > 0 && clock() - known.at > SILENT_MS;
  return {
    hold: (next) => {
      const text = JSON.stringify(next);
      // It reports nothing while it holds nothing.
      if (held.processes.length === 0) known = { ...known, at: clock() };
      held = next;
      if (text === sent || (sent === "" && next.processes.length === 0)) return;
      sent = text;
      process.hold();
    },
    beat: () => {
      process.beat(isSilent());
      if (process.failure() === undefined) standIn = undefined;
      else {
        standIn ??= mainPartRounds(clock, learn);
        standIn(held);
      }
    },
    sighting: (key, pid) => {
      const sighting = known.sightings.get(key);
      if (sighting?.pid !== pid) return undefined;
      return isSilent() ? { ...sighting, footprint: { ...sighting.footprint, unknown: true } } : sighting;
    },
    hasTold: (pid) => !process.isConnected() || questions.settled(pid),
    trouble: () => (process.failure() === undefined ? undefined : "waits until the watchdog is up again"),
    problems: () => process.failure() ?? (isSilent() ? ["the watchdog does not report"] : []),
    notes: () => [],
    close: async () => {
      const pid = await process.close();
      // Another agent may have taken over the state folder, and its watchdog the file. What one of an earlier agent wrote last, before it
      // ended, nobody else would take away.
      const path = watchdogPath(stateDirectory);
      // It was killed, maybe while it wrote.
      removeTempFilesOf(path);
      const named = await watchdogPidIn(path);
      if (named !== undefined && (named === pid || isGone(named))) await removeWatchdogFile(path);
    },
  };
}

interface Kept {
  /** What each new process is to hold. */
  readonly held: () => Held;
  readonly learn: (report: Report) => void;
  /** Called when the process has ended. */
  readonly ended: () => void;
}

/** Keeps one process of the watchdog alive, once there is something to hold. */
function keptProcess(
  { stateDirectory, clock, say, spawn = trySpawn }: WatchdogOptions,
  { held, learn, ended: replaced }: Kept,
) {
  let child: ChildProcess | undefined;
  let failure: string | undefined;
  let startedAt: number | undefined;
  let reported = false;
  let silentBeats = 0;
  let closed = false;
  const send = (message: ToWatchdog) => {
    if (child?.connected) child.send(message, () => {});
  };
  const replace = (why: string) => {
    child = undefined;
    replaced();
    if (closed) return;
    if (failure === undefined) say(`the watchdog ended (${why}): starting another one`);
    failure = `the watchdog ended (${why}); until it is up again the agent's main part holds the budgets, and nothing new is started`;
    setTimeout(start, reported && clock() - (startedAt ?? 0) >= RESTART_MS ? 0 : RESTART_MS).unref();
  };
  const start = () => {
    if (child !== undefined || closed) return;
    startedAt = clock();
    reported = false;
    silentBeats = 0;
    const next = spawn(stateDirectory);
    if (typeof next === "string") return replace(next);
    child = next;
    next.on("message", (message: FromWatchdog) => {
      if (message.kind === "say") return say(message.message);
      if (child !== next) return;
      reported = true;
      silentBeats = 0;
      failure = undefined;
      learn(message);
    });
    const ended = (why: string) => {
      if (child === next) replace(why);
    };
    next.once("error", ({ message }) => ended(message));
    next.once("exit", (code, signal) => ended(signal ?? `exit code ${code}`));
    send({ kind: "hold", holding: held() });
  };
  return {
    send,
    isConnected: () => child?.connected === true,
    hold: () => (startedAt === undefined ? start() : send({ kind: "hold", holding: held() })),
    beat: (silent: boolean) => {
      silentBeats += 1;
      const age = clock() - (startedAt ?? 0);
      if (child !== undefined && silent && silentBeats >= SILENT_BEATS && age > SILENT_MS) {
        // Not even a process that was stopped survives this. One that the kernel keeps is no longer waited for.
        child.kill("SIGKILL");
        replace(`it did not report for ${SILENT_MS / 1000} s`);
      }
      send({ kind: "beat" });
    },
    failure: () => (failure === undefined ? undefined : [failure]),
    close: async () => {
      closed = true;
      const pid = child?.pid;
      if (child !== undefined) await endChild(child);
      return pid;
    },
  };
}

/** Rounds in the main part itself, for as long as no other process can do them. */
function mainPartRounds(clock: () => number, learn: (report: Report) => void): (held: Held) => void {
  const rounds = watchdogRounds({ meter: openMeter(), clock, answers: () => 0, report: learn });
  let busy = false;
  return (held) => {
    if (busy) return;
    busy = true;
    const done = () => {
      busy = false;
    };
    rounds.round(held).then(done, done);
  };
}
