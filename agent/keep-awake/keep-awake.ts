import { type ChildProcess, spawn } from "node:child_process";
import { errorText } from "../../api/error-code.ts";
import type { WorkloadStatus } from "../status/status.ts";

/** What tells whether a model is a reason to stay awake. */
type Asked = Pick<WorkloadStatus, "state" | "demand">;

/** Keeps the Mac awake while a model is Ready, or while a request waits for one. A model that sleeps is no reason. */
export interface KeepAwake {
  /** To be told of the workloads after each tick. */
  readonly follow: (workloads: readonly Asked[]) => void;
  readonly problems: () => readonly string[];
  readonly notes: () => readonly string[];
  /** Lets the Mac sleep again. */
  readonly close: () => void;
}

export interface KeepAwakeOptions {
  /** Path of `caffeinate`. */
  readonly caffeinate: string;
  /** The process with which it ends, whatever ends that: the agent. */
  readonly pid: number;
  /** Milliseconds that never go back. */
  readonly clock: () => number;
}

/** One that ended by itself is started again after this long, in milliseconds. */
const RETRY_MS = 60_000;

/** Where `--keep-awake` was not given. */
export const NOT_KEPT_AWAKE: KeepAwake = { follow: () => {}, problems: () => [], notes: () => [], close: () => {} };

/**
 * One `caffeinate` for all models (caffeinate(8)): `-i` against idle sleep, `-s` against system sleep, which holds on AC power only, and
 * `-w` so that it ends with the agent, even after SIGKILL. A server that an agent leaves is kept awake again once the next agent has
 * adopted it.
 */
export function keepAwake({ caffeinate, pid, clock }: KeepAwakeOptions): KeepAwake {
  let child: ChildProcess | undefined;
  let trouble: { readonly why: string; readonly at: number } | undefined;

  const cannot = (error: unknown) => `cannot be run (${errorText(error)})`;
  /** Some errors of a spawn are thrown, others are events. */
  const run = () => {
    try {
      // In a group of its own: a Ctrl-C in the agent's terminal is not meant for it.
      return spawn(caffeinate, ["-i", "-s", "-w", String(pid)], { stdio: "ignore", detached: true });
    } catch (error) {
      trouble = { why: cannot(error), at: clock() };
      return undefined;
    }
  };
  const start = () => {
    trouble = undefined;
    const started = run();
    if (started === undefined) return;
    const ended = (why: string) => {
      if (child !== started) return;
      child = undefined;
      trouble = { why, at: clock() };
    };
    started.once("error", (error) => ended(cannot(error)));
    started.once("exit", (code, signal) => ended(`ended by itself (${signal ?? `exit code ${code}`})`));
    started.unref();
    child = started;
  };
  const close = () => {
    const running = child;
    [child, trouble] = [undefined, undefined];
    running?.kill();
  };
  return {
    follow: (workloads) => {
      if (!workloads.some(({ state, demand }) => state === "Ready" || (demand?.waiting ?? 0) > 0)) close();
      else if (child === undefined && (trouble === undefined || clock() - trouble.at >= RETRY_MS)) start();
    },
    problems: () =>
      trouble === undefined
        ? []
        : [`--keep-awake: ${caffeinate} ${trouble.why}: this Mac may sleep while a model is Ready`],
    notes: () =>
      child?.pid === undefined
        ? []
        : [
            `this Mac is kept awake while a model is Ready (caffeinate, pid ${child.pid}); on battery power it may sleep`,
          ],
    close,
  };
}
