import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { errorText } from "../../api/error-code.ts";
import type { Platform } from "../host/platform.ts";
import { endLeftovers, signalGroup } from "../host/signal-group.ts";
import { sameStart } from "../host/start-time.ts";
import type { Background } from "../lifecycle/background.ts";
import type { Exit } from "../llama-server/exit-reason.ts";
import { rotateLog } from "../server-logs/files.ts";

/** A llama-server process of this agent, spawned or adopted. */
export interface LlamaProcess {
  /** Undefined if it could not be spawned; `exit` is set soon after. */
  readonly pid: number | undefined;
  readonly logPath: string;
  /** Undefined while it runs. A process that could not be spawned exits with code 127. */
  readonly exit: () => Exit | undefined;
  /** Signals its whole process group; does nothing after its exit. */
  readonly signal: (signal: NodeJS.Signals) => void;
}

export interface SpawnOptions {
  readonly file: string;
  readonly args: readonly string[];
  readonly logPath: string;
  /** Called once the exit is known. */
  readonly ended: () => void;
}

/** Spawns a process in a group of its own, so that Ctrl-C reaches the agent alone. Its output goes to `logPath`. */
export function spawnProcess({ file, args, logPath, ended }: SpawnOptions): LlamaProcess {
  mkdirSync(dirname(logPath), { recursive: true, mode: 0o700 });
  rotateLog(logPath);
  // Append mode: after the log keeper has cut the log, the process writes on at the new end of the file.
  const log = openSync(logPath, "a", 0o600);
  let child: ChildProcess;
  try {
    child = spawn(file, args, { detached: true, stdio: ["ignore", log, log] });
  } catch (error) {
    writeSync(log, `${file} cannot be run: ${errorText(error)}\n`);
    return neverRan(logPath, ended);
  } finally {
    closeSync(log);
  }
  let exit: Exit | undefined;
  const settle = (how: Exit) => {
    exit ??= how;
    // A wrapper may end before what it started: nothing of its group stays, or the next start would run beside it.
    if (child.pid !== undefined) endLeftovers(child.pid);
    ended();
  };
  // A server outlives its agent: it must not keep an agent that ends from ending.
  child.unref();
  child.once("exit", (code, signal) => settle({ code, signal }));
  child.once("error", () => settle({ code: 127, signal: null }));
  const { pid } = child;
  return {
    pid,
    logPath,
    exit: () => exit,
    // After the exit the system may give the pid to another process.
    signal: (signal) => {
      if (pid !== undefined && exit === undefined && child.exitCode === null && child.signalCode === null) {
        signalGroup(pid, signal);
      }
    },
  };
}

/** Some errors of a spawn are thrown, as that there is no memory, or that the file is being written to; others are events. */
function neverRan(logPath: string, ended: () => void): LlamaProcess {
  let exit: Exit | undefined;
  queueMicrotask(() => {
    exit = { code: 127, signal: null };
    ended();
  });
  return { pid: undefined, logPath, exit: () => exit, signal: () => {} };
}

export interface AdoptOptions {
  readonly pid: number;
  readonly startTime: string;
  readonly logPath: string;
  readonly platform: Pick<Platform, "startTime">;
  readonly background: Background;
  readonly ended: () => void;
}

/** How often an adopted server is polled. It is not our child, so the system reports neither its exit nor its exit status. */
const POLL_MS = 500;

/** The process handle of a server that an earlier agent spawned. Its exit has neither code nor signal. */
export function adoptProcess({ pid, startTime, logPath, platform, background, ended }: AdoptOptions): LlamaProcess {
  let exit: Exit | undefined;
  const poll = async () => {
    const now = await platform.startTime(pid);
    // What cannot be read proves nothing: the next look tells.
    if (exit !== undefined || now === undefined) return;
    if (now !== null && sameStart(now, startTime) !== false) return;
    exit = { code: null, signal: null };
    clearInterval(polling);
    // Where another process has the pid already, nothing was left: a pid is not given away while its group has members.
    if (now === null) endLeftovers(pid);
    ended();
  };
  const polling = setInterval(() => background(`checking whether pid ${pid} still runs`, poll()), POLL_MS).unref();
  return {
    pid,
    logPath,
    exit: () => exit,
    signal: (signal) => {
      if (exit === undefined) signalGroup(pid, signal);
    },
  };
}
