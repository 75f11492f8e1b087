import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync } from "node:fs";
import { dirname } from "node:path";
import { errorCode } from "../../api/error-code.ts";
import type { Platform } from "../host/platform.ts";
import type { Background } from "../lifecycle/background.ts";
import type { Exit } from "../llama-server/exit-reason.ts";
import { rotated } from "./logs.ts";

/** A llama-server of ours, from its spawn until its end. */
export interface LlamaProcess {
  /** Undefined where it could not be spawned; `exit` follows. */
  readonly pid: number | undefined;
  readonly logPath: string;
  /** Set when it has ended, or could not be spawned. */
  readonly exit: () => Exit | undefined;
  readonly signal: (signal: NodeJS.Signals) => void;
}

export interface SpawnOptions {
  readonly file: string;
  readonly args: readonly string[];
  readonly logPath: string;
  readonly ended: () => void;
}

/** Spawns in a process group of its own, so that Ctrl-C reaches the agent alone, and with its output in a file. */
export function spawnProcess({ file, args, logPath, ended }: SpawnOptions): LlamaProcess {
  mkdirSync(dirname(logPath), { recursive: true, mode: 0o700 });
  rotated(logPath);
  // Appending, so that a log that is cut while it is written goes on at its new end.
  const log = openSync(logPath, "a", 0o600);
  let child: ChildProcess;
  try {
    child = spawn(file, args, { detached: true, stdio: ["ignore", log, log] });
  } finally {
    closeSync(log);
  }
  let exit: Exit | undefined;
  const settle = (how: Exit) => {
    exit ??= how;
    ended();
  };
  child.once("exit", (code, signal) => settle({ code, signal }));
  child.once("error", () => settle({ code: 127, signal: null }));
  const { pid } = child;
  return {
    pid,
    logPath,
    exit: () => exit,
    // After the exit was seen the pid may be somebody else's.
    signal: (signal) => {
      if (pid !== undefined && exit === undefined && child.exitCode === null && child.signalCode === null) {
        signalGroup(pid, signal);
      }
    },
  };
}

export interface AdoptOptions {
  readonly pid: number;
  readonly startTime: string;
  readonly logPath: string;
  readonly platform: Pick<Platform, "startTime">;
  readonly background: Background;
  readonly ended: () => void;
}

/** How often an adopted server is looked for: nobody says when a process that is no child of ours ends, nor how. */
const LOOK_MS = 500;

/** A server that an earlier agent spawned. */
export function adoptProcess({ pid, startTime, logPath, platform, background, ended }: AdoptOptions): LlamaProcess {
  let exit: Exit | undefined;
  const look = async () => {
    if (exit !== undefined || (await platform.startTime(pid)) === startTime) return;
    exit = { code: null, signal: null };
    clearInterval(looking);
    ended();
  };
  const looking = setInterval(() => background(`looking for pid ${pid}`, look()), LOOK_MS).unref();
  return {
    pid,
    logPath,
    exit: () => exit,
    signal: (signal) => {
      if (exit === undefined) signalGroup(pid, signal);
    },
  };
}

/** Signals the process group that `pid` leads, or `pid` alone where it leads none; one that is gone is fine. */
export function signalGroup(pid: number, signal: NodeJS.Signals): void {
  if (!trySignal(-pid, signal)) trySignal(pid, signal);
}

/** macOS answers EPERM, not ESRCH, for a group of which only a zombie is left. */
function trySignal(target: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(target, signal);
  } catch (error) {
    if (["ESRCH", "EPERM"].includes(errorCode(error) ?? "")) return false;
    throw error;
  }
}
