import type { Answering } from "../decisions/answering.ts";
import type { StartedCache } from "../decisions/cache-change.ts";
import { type Failing, failedAgain, isWorking, type Work } from "../decisions/health.ts";
import type { Restored } from "../decisions/saved-slots.ts";
import type { ReadyView, StartingView, Stop, StoppingView } from "../decisions/server-view.ts";
import type { ExitReason } from "../llama-server/exit-reason.ts";
import type { ServerFields } from "../llama-server/flags.ts";
import type { GpuFault } from "../llama-server/gpu-fault.ts";
import type { Workload } from "../workload/workload.ts";
import type { LlamaProcess } from "./process.ts";
import type { ServerRecord } from "./records.ts";
import type { StartedSlots } from "./slot-work.ts";

/** What a process was started with; it does not change while it runs. */
export interface StartedWith {
  readonly fields: ServerFields;
  readonly modelPath: string;
  /** Undefined: none. */
  readonly promptCache?: StartedCache | undefined;
  /** Undefined: its conversations cannot be saved. One that was adopted has none, since nobody knows whose requests it has read. */
  readonly slots?: StartedSlots | undefined;
}

interface Held {
  readonly process: LlamaProcess;
  readonly started: StartedWith;
  /** The workload that the process is held to: the desired one, or the last one known. Its budget is the budget in force. */
  readonly inForce: Workload;
  /** What the next agent needs to adopt it. */
  readonly record: ServerRecord;
  /** Whether the current record is on the disk. */
  readonly recorded: boolean;
  /** The kernel's limit for it, in bytes; undefined if it has none. */
  readonly limitBytes: number | undefined;
  /** Whether a probe is under way. */
  readonly probing: boolean;
  /** It is given saved conversations before it is Ready: if it ends now, it has not failed. */
  readonly restoring?: boolean;
  /** What it was given. */
  readonly restoredSlots?: Restored;
  /** Digest of the API keys that it has accepted one of; undefined before the first. */
  readonly keys?: string | undefined;
  /** Digest of the API keys of which it has refused one; undefined if it refused none. */
  readonly refusedKeys?: string | undefined;
  /** How far its log was searched for faults, in bytes. */
  readonly logSeen?: number;
  /** What its log says about a fault, until a test request tells whether that is so: a client can have anything printed there. */
  readonly sign?: GpuFault | undefined;
  /** Time of its last health check, in milliseconds of the injected clock; undefined before the first. */
  readonly checkedAt?: number;
  /** When it is asked for a token; undefined until it is Ready. */
  readonly answering?: Answering | undefined;
  /** Whether a test request, or the look before one, is under way though it is Ready. */
  readonly asking?: boolean;
  /** What it had done by the last health check, if it did not answer that one. */
  readonly workAtSilence?: { readonly at: number; readonly work: Work } | undefined;
}

/**
 * The process of a workload and its phase. It is immutable: each change makes a new object. A probe that returns must therefore
 * compare the process, never the object, to see whether it is still current.
 */
export type Running = (StartingView | ReadyView | StoppingView) & Held;

/** `lasting`: the server refused the request itself, and so will it every later one. */
export type TestFailure = ExitReason & Pick<Failing, "lasting">;

/** After a successful probe: the server is Ready, and holds the keys of this digest. What it held before proves more: one key is asked. */
export function accepted(running: Running, keys: string | undefined, now: number): Running {
  return { ...answered(running, now), keys: running.keys ?? keys };
}

/** After a probe that it refused for its key: it is alive. */
export function refusedKey(running: Running, keys: string | undefined, now: number): Running {
  return running.phase === "starting"
    ? { ...running, probing: false, refusedKeys: keys }
    : { ...answered(running, now), refusedKeys: keys };
}

/** After a test request that a server which starts answered with an error. */
export function failedTest(running: Running, why: TestFailure, now: number): Running {
  return running.phase === "starting"
    ? withFailure({ ...running, probing: false }, why, now)
    : { ...running, probing: false };
}

/** After one more test request that it answered with an error. */
export function withFailure(running: Running, why: TestFailure, now: number): Running {
  return running.phase === "stopping" ? running : { ...running, failing: failedAgain(running.failing, why, now) };
}

/** After a test request that a server which is Ready answered. */
export function withoutFailure(running: Running): Running {
  return running.phase === "ready" ? { ...running, failing: undefined, sign: undefined } : running;
}

/** After a test request that failed beside a sign of a fault which only a restart ends. */
export function faulted(running: Running, fault: string): Running {
  return running.phase === "ready" ? { ...running, fault } : running;
}

/** Whether the keys of this digest are others than those that it was started with; false while that is not known. */
export function hasOtherKeys({ keys, refusedKeys }: Running, digest: string): boolean {
  return refusedKeys === digest || (keys !== undefined && keys !== digest);
}

function answered(running: Running, now: number): Running {
  if (running.phase === "stopping") return { ...running, probing: false };
  const wasReady = running.phase === "ready";
  return {
    ...running,
    phase: "ready",
    readyAt: wasReady ? running.readyAt : now,
    failedChecks: 0,
    failing: wasReady ? running.failing : undefined,
    probing: false,
    restoring: false,
    checkedAt: now,
    workAtSilence: undefined,
  };
}

/** After a probe without an answer, while it starts. */
export function unanswered(running: Running): Running {
  return { ...running, probing: false };
}

/** After a health check without an answer. It counts as failed only if the server did no work since the check before. */
export function silent(running: Running, work: Work, now: number): Running {
  if (running.phase !== "ready") return { ...running, probing: false };
  const { workAtSilence: before, failedChecks } = running;
  const working = isWorking(before?.work, work, now - (before?.at ?? now));
  const failed = working ? 0 : failedChecks + 1;
  return { ...running, failedChecks: failed, probing: false, checkedAt: now, workAtSilence: { at: now, work } };
}

/** After SIGTERM was sent. */
export function stopping(running: Running, stop: Stop): Running {
  return { ...running, phase: "stopping", stop };
}
