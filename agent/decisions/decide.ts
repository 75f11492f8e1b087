import type { FailureKind } from "../../api/result.ts";
import type { State } from "../status/status.ts";
import type { Desired } from "../workload/desired.ts";
import type { Preparation } from "../workload/prepare.ts";
import type { Workload } from "../workload/workload.ts";
import type { Verdict } from "./admission.ts";
import type { BackOff } from "./back-off.ts";
import { returnMessage } from "./eviction.ts";
import { type Projection, projectionRefusal } from "./projection.ts";

/** A llama-server as the supervisor last saw it; times in the clock's milliseconds. */
export type ServerView = StartingView | ReadyView | StoppingView;

interface AnyServerView {
  /** Of the settings that it was started with. */
  readonly specHash: string;
  readonly startedAt: number;
  /** Whether this agent has seen it among what is wanted. Of a server that an earlier agent left, absence may be ignorance until then. */
  readonly confirmed: boolean;
}

export interface StartingView extends AnyServerView {
  readonly phase: "starting";
}

/** It has answered a completion. */
export interface ReadyView extends AnyServerView {
  readonly phase: "ready";
  readonly readyAt: number;
  /** Health checks in a row without an answer, in which it did not work either. */
  readonly failedChecks: number;
}

export interface StoppingView extends AnyServerView {
  readonly phase: "stopping";
  /** When it became ready, where it did. */
  readonly readyAt?: number;
  readonly stop: Stop;
}

/** SIGTERM was sent. */
export interface Stop {
  readonly at: number;
  readonly reason: string;
  readonly message: string;
  /** Until SIGKILL follows, in milliseconds. */
  readonly gracePeriodMs: number;
  /** SIGKILL was sent. */
  readonly killed: boolean;
}

/** All that a decision rests on, beside what is wanted. */
export interface Observed {
  /** Whether the source of the work has seen all that it holds. */
  readonly synced: boolean;
  readonly server?: ServerView | undefined;
  /** What the watchdog found where the process must go. */
  readonly exceeded?: string | undefined;
  /** Why it must give way to others, where it runs. */
  readonly evict?: string | undefined;
  /** Milliseconds of cooldown still to come after an eviction, where it does not run; undefined: it was not evicted. */
  readonly cooldownLeftMs?: number | undefined;
  readonly backOff?: BackOff | undefined;
  /** Of a workload that should run. */
  readonly preparation?: Preparation | undefined;
  /** The last one, whatever the settings that it is about. */
  readonly projection?: Projection | undefined;
  /** What admission says, to one in whose way nothing else stands. */
  readonly verdict?: Verdict | undefined;
}

/** `ask`: has llama-server say what it will reserve. */
export type Act = "nothing" | "stop" | "kill" | "ask" | "start" | "forget";

export interface Decision {
  readonly act: Act;
  readonly state: State;
  readonly reason?: string;
  readonly message?: string;
  /** What kind of failure stands in the way, where one does. */
  readonly failureKind?: FailureKind;
  /** Of one that waits for memory, from 1, by rank. */
  readonly queuePosition?: number;
}

/** Large weights from a slow disk take minutes (LLMKube#330). */
export const START_TIMEOUT_MS = 900_000;

/** After so many checks without an answer a server is taken for hung. */
export const UNHEALTHY_CHECKS = 3;

/**
 * What to do about one workload now, and what its status says. `desired` undefined: the source does not name it, or the agent ends.
 * The only place where a decision is made; admission and projection come in as facts.
 */
export function decide(desired: Desired | undefined, observed: Observed, now: number): Decision {
  if (observed.server !== undefined) return decideRunning(desired, observed.server, observed, now);
  if (desired === undefined) return decideForgotten(observed);
  if (desired.kind !== "run") return decideDown(desired);
  return obstacle(desired.workload, observed, now) ?? decideStart(desired.workload, observed);
}

/** Whether nothing but the machine's memory stands in the way of a start: those are the candidates of admission. */
export function isCandidate(desired: Desired | undefined, observed: Observed, now: number): boolean {
  return (
    observed.server === undefined && desired?.kind === "run" && obstacle(desired.workload, observed, now) === undefined
  );
}

/** What went down while the source does not know whether it is wanted keeps the reason that it went down for. */
function decideForgotten({ synced, backOff }: Observed): Decision {
  if (synced || backOff === undefined) return { act: "forget", state: "Stopped" };
  const { state, reason, message } = backOff;
  return { act: "nothing", state, reason, message };
}

function decideDown(desired: Exclude<Desired, { readonly kind: "run" }>): Decision {
  const { kind, message } = desired;
  if (kind === "stopped") return { act: "nothing", state: "Stopped", message };
  if (kind === "unknown") return { act: "nothing", state: "Pending", reason: "Unreadable", message };
  return { act: "nothing", state: desired.state, reason: desired.reason, message };
}

/** What stands in the way of a start, whatever memory is free; undefined: nothing. */
function obstacle(workload: Workload, observed: Observed, now: number): Decision | undefined {
  const { backOff, preparation, cooldownLeftMs, projection } = observed;
  if (cooldownLeftMs !== undefined && !workload.returnsAfterEviction) {
    const message = "evicted: the machine was short of memory; whoever made this workload makes another one";
    return { act: "nothing", state: "Failed", reason: "Evicted", message };
  }
  if (cooldownLeftMs !== undefined && cooldownLeftMs > 0) {
    return { act: "nothing", state: "Waiting", reason: "Evicted", message: returnMessage(cooldownLeftMs) };
  }
  if (backOff !== undefined && now < backOff.until) {
    const { state, reason } = backOff;
    return { act: "nothing", state, reason, message: backOff.message + nextTry(backOff.until - now) };
  }
  if (preparation === undefined) return { act: "nothing", state: "Pending" };
  return unprepared(preparation) ?? projected(workload, projection);
}

function nextTry(milliseconds: number): string {
  return Number.isFinite(milliseconds) ? `; next try in ${Math.ceil(milliseconds / 1000)} s` : "";
}

function unprepared(preparation: Preparation): Decision | undefined {
  switch (preparation.stage) {
    case "reading":
      return { act: "nothing", state: "Pending", message: preparation.message };
    case "refused":
      return failed(preparation.reason, preparation.message, preparation.kind);
    case "fetching":
      return { act: "nothing", state: "Downloading", message: preparation.message };
    case "failed":
      return failed("DownloadFailed", preparation.message, preparation.kind);
    case "ready":
      return undefined;
  }
}

function failed(reason: string, message: string, failureKind: FailureKind | undefined): Decision {
  return { act: "nothing", state: "Failed", reason, message, ...(failureKind === undefined ? {} : { failureKind }) };
}

function projected({ specHash, budget }: Workload, projection: Projection | undefined): Decision | undefined {
  if (projection?.specHash !== specHash) return undefined;
  if (projection.bytes === undefined) {
    return { act: "nothing", state: "Starting", message: "asking llama-server what it will reserve" };
  }
  const message = projectionRefusal(projection, budget);
  return message === undefined ? undefined : { act: "nothing", state: "Failed", reason: "InsufficientMemory", message };
}

function decideStart({ specHash }: Workload, { verdict, projection }: Observed): Decision {
  switch (verdict?.kind) {
    case undefined:
      return { act: "nothing", state: "Waiting" };
    case "refused":
      return { act: "nothing", state: "Failed", reason: "InsufficientMemory", message: verdict.message };
    case "waits": {
      const { message, queuePosition } = verdict;
      return { act: "nothing", state: "Waiting", reason: "WaitingForMemory", message, queuePosition };
    }
    case "starts":
      if (projection?.specHash === specHash) return { act: "start", state: "Starting" };
      return { act: "ask", state: "Starting", message: "asking llama-server what it will reserve" };
  }
}

function decideRunning(
  desired: Desired | undefined,
  server: ServerView,
  { exceeded, evict, synced }: Observed,
  now: number,
): Decision {
  if (server.phase === "stopping") return decideStopping(server.stop, now);
  const stop = (reason: string, message: string): Decision => ({ act: "stop", state: "Draining", reason, message });
  if (isAbsent(desired, server, synced)) return stop("Removed", "no longer wanted");
  if (desired?.kind === "stopped") return stop("Stopped", desired.message);
  if (desired?.kind === "refused") return stop(desired.reason, desired.message);
  if (exceeded !== undefined) return stop("BudgetExceeded", exceeded);
  if (evict !== undefined) return stop("Evicted", evict);
  if (desired?.kind === "run" && desired.workload.specHash !== server.specHash) {
    return stop("SpecChanged", "restarts with its new settings");
  }
  if (server.phase === "ready") {
    if (server.failedChecks < UNHEALTHY_CHECKS) return { act: "nothing", state: "Ready" };
    return stop(
      "Unhealthy",
      `it neither answered nor worked in ${UNHEALTHY_CHECKS} health checks in a row: it is started again`,
    );
  }
  if (now - server.startedAt < START_TIMEOUT_MS) return { act: "nothing", state: "Starting" };
  return stop("StartTimeout", `it did not answer within ${START_TIMEOUT_MS / 60_000} minutes`);
}

/** Whether it is certain that a server is wanted by nobody. */
export function isAbsent(desired: Desired | undefined, server: ServerView, synced: boolean): boolean {
  return desired === undefined && (synced || server.confirmed);
}

function decideStopping({ at, reason, message, gracePeriodMs, killed }: Stop, now: number): Decision {
  const act = !killed && now - at >= gracePeriodMs ? "kill" : "nothing";
  return { act, state: "Draining", reason, message };
}
