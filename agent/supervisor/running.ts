import type { ReadyView, StartingView, Stop, StoppingView } from "../decisions/decide.ts";
import { isWorking, type Work } from "../decisions/health.ts";
import type { ServerFields } from "../llama-server/flags.ts";
import type { Workload } from "../workload/workload.ts";
import type { LlamaProcess } from "./process.ts";
import type { ServerRecord } from "./records.ts";

/** What a process was started with; it does not change while it runs. */
export interface StartedWith {
  readonly fields: ServerFields;
  readonly modelPath: string;
}

interface Held {
  readonly process: LlamaProcess;
  readonly started: StartedWith;
  /** What the process is held to: what is wanted of it now, or was last. Its budget is the budget in force. */
  readonly inForce: Workload;
  /** What the next agent is to know of it. */
  readonly record: ServerRecord;
  /** Whether that is on the disk. */
  readonly recorded: boolean;
  /** Where the kernel's limit is for it, in bytes; undefined: it has none. */
  readonly limitBytes: number | undefined;
  /** A question to it is under way. */
  readonly probing: boolean;
  /** When it was asked last after it was Ready, in the clock's milliseconds. */
  readonly checkedAt?: number;
  /** What it had done by the last health check, if it did not answer that one. */
  readonly workAtSilence?: { readonly at: number; readonly work: Work } | undefined;
  /** It had answered under an earlier agent. */
  readonly answeredBefore: boolean;
}

/**
 * What runs for a workload. Each change makes a new object, and the entry holds the last one: a probe that comes back compares the
 * process, never the object.
 */
export type Running = (StartingView | ReadyView | StoppingView) & Held;

/** It has answered at `now`. */
export function answered(running: Running, now: number): Running {
  if (running.phase === "stopping") return { ...running, probing: false };
  const readyAt = running.phase === "ready" ? running.readyAt : now;
  return {
    ...running,
    phase: "ready",
    readyAt,
    failedChecks: 0,
    probing: false,
    checkedAt: now,
    workAtSilence: undefined,
  };
}

/** It has not answered yet. */
export function unanswered(running: Running): Running {
  return { ...running, probing: false };
}

/** It did not answer a health check, by which time it had done `work`. */
export function silent(running: Running, work: Work, now: number): Running {
  if (running.phase !== "ready") return { ...running, probing: false };
  const { workAtSilence: before, failedChecks } = running;
  const working = isWorking(before?.work, work, now - (before?.at ?? now));
  const failed = working ? 0 : failedChecks + 1;
  return { ...running, failedChecks: failed, probing: false, checkedAt: now, workAtSilence: { at: now, work } };
}

/** SIGTERM was sent to it. */
export function stopping(running: Running, stop: Stop): Running {
  return { ...running, phase: "stopping", stop };
}
