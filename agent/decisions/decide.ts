import type { State } from "../status/status.ts";
import type { Desired } from "../workload/desired.ts";
import type { Preparation } from "../workload/prepare.ts";
import type { BackOff } from "./back-off.ts";
import { returnMessage } from "./eviction.ts";

/** A llama-server as the supervisor last saw it; times in the clock's milliseconds. */
export interface ServerView {
  readonly specHash: string;
  readonly startedAt: number;
  /** Set once it has answered a completion. */
  readonly readyAt?: number | undefined;
  readonly stopping?: Stopping | undefined;
  /** Checks in a row, since it was Ready, that it did not answer. */
  readonly unhealthy?: number | undefined;
}

export interface Stopping {
  readonly at: number;
  readonly reason: string;
  readonly message: string;
  readonly killed: boolean;
}

export interface Observed {
  readonly server?: ServerView | undefined;
  /** What the watchdog found where the process must go. */
  readonly exceeded?: string | undefined;
  /** Why it must give way to others, where it runs. */
  readonly evict?: string | undefined;
  /** Milliseconds of calm still to come after an eviction, where it does not run. */
  readonly cooldownLeftMs?: number | undefined;
  readonly backOff?: BackOff | undefined;
  /** Of a workload that should run. */
  readonly preparation?: Preparation | undefined;
}

/** `queue`: may start as far as it alone is concerned; admission decides. */
export interface Decision {
  readonly act: "nothing" | "stop" | "kill" | "queue" | "forget";
  readonly state: State;
  readonly reason?: string;
  readonly message?: string;
  /** Of one that waits for memory, from 1, by rank. */
  readonly queuePosition?: number;
}

/** After SIGTERM. */
export const GRACE_MS = 10_000;
/** Large weights from a slow disk take minutes (#330). */
export const START_TIMEOUT_MS = 900_000;

/** After so many checks without an answer a server is taken for hung. */
export const UNHEALTHY_CHECKS = 3;

/** What to do about one workload now. `desired` undefined: its manifest is gone, or the agent ends. */
export function decide(desired: Desired | undefined, observed: Observed, now: number): Decision {
  if (observed.server !== undefined) return decideRunning(desired, observed.server, observed, now);
  if (desired === undefined) return { act: "forget", state: "Stopped" };
  if (desired.kind === "stopped") return { act: "nothing", state: "Stopped", message: desired.message };
  if (desired.kind === "refused") {
    return { act: "nothing", state: desired.state, reason: desired.reason, message: desired.message };
  }
  if (desired.kind === "unknown") return { act: "nothing", state: "Pending", message: desired.message };
  const { backOff, preparation, cooldownLeftMs = 0 } = observed;
  if (cooldownLeftMs > 0)
    return { act: "nothing", state: "Waiting", reason: "Evicted", message: returnMessage(cooldownLeftMs) };
  if (backOff !== undefined && now < backOff.until) {
    const { state, reason } = backOff;
    return { act: "nothing", state, reason, message: backOff.message + nextTry(backOff.until - now) };
  }
  return preparation === undefined ? { act: "nothing", state: "Pending" } : decidePrepared(preparation);
}

function nextTry(milliseconds: number): string {
  return Number.isFinite(milliseconds) ? `; next try in ${Math.ceil(milliseconds / 1000)} s` : "";
}

function decidePrepared(preparation: Preparation): Decision {
  const { stage } = preparation;
  switch (stage) {
    case "reading":
      return { act: "nothing", state: "Pending", message: preparation.message };
    case "refused":
      return { act: "nothing", state: "Failed", reason: preparation.reason, message: preparation.message };
    case "fetching":
      return { act: "nothing", state: "Downloading", message: preparation.message };
    case "failed":
      return { act: "nothing", state: "Failed", reason: "DownloadFailed", message: preparation.message };
    case "ready":
      return { act: "queue", state: "Waiting" };
  }
}

function decideRunning(
  desired: Desired | undefined,
  server: ServerView,
  { exceeded, evict }: Observed,
  now: number,
): Decision {
  const { stopping } = server;
  if (stopping !== undefined) {
    const { reason, message } = stopping;
    const act = !stopping.killed && now - stopping.at >= GRACE_MS ? "kill" : "nothing";
    return { act, state: "Draining", reason, message };
  }
  const stop = (reason: string, message: string): Decision => ({ act: "stop", state: "Draining", reason, message });
  if (desired === undefined) return stop("Removed", "no longer wanted");
  if (desired.kind === "stopped") return stop("Stopped", desired.message);
  if (desired.kind === "refused") return stop(desired.reason, desired.message);
  if (exceeded !== undefined) return stop("BudgetExceeded", exceeded);
  if (evict !== undefined) return stop("Evicted", evict);
  if (desired.kind === "run" && desired.workload.specHash !== server.specHash)
    return stop("SpecChanged", "restarts with its new settings");
  if ((server.unhealthy ?? 0) >= UNHEALTHY_CHECKS) {
    return stop("Unhealthy", `it did not answer ${UNHEALTHY_CHECKS} times in a row: it is started again`);
  }
  if (server.readyAt !== undefined) return { act: "nothing", state: "Ready" };
  if (now - server.startedAt < START_TIMEOUT_MS) return { act: "nothing", state: "Starting" };
  return stop("StartTimeout", `it did not answer within ${START_TIMEOUT_MS / 60_000} minutes`);
}
