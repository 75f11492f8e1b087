import type { FailureKind } from "../../api/result.ts";
import type { Hold } from "../boot/hold.ts";
import type { State } from "../status/status.ts";
import type { Desired } from "../workload/desired.ts";
import type { Preparation } from "../workload/prepare.ts";
import type { Workload } from "../workload/workload.ts";
import type { Verdict } from "./admission.ts";
import type { BackOff } from "./back-off.ts";
import { drainClause, type InFlight, REMOVAL_DRAIN_MS, RESTART_DRAIN_MS } from "./drain.ts";
import { returnMessage } from "./eviction.ts";
import { answersNoMore, failsForGood } from "./health.ts";
import { type Projection, projectionRefusal } from "./projection.ts";
import type { Rest } from "./resting.ts";
import type { ReadyView, ServerView, StartingView, StoppingView } from "./server-view.ts";

/** Everything that a decision depends on, apart from the desired state and the time. */
export interface Observed {
  /** Whether the source has been read completely. While it is false, a missing workload may still be wanted. */
  readonly synced: boolean;
  /** The agent ends, and with it all servers. */
  readonly ending?: boolean | undefined;
  readonly server?: ServerView | undefined;
  /** Undefined: no stop waits for what it works on. */
  readonly inFlight?: InFlight | undefined;
  /** Why it is evicted now; undefined if it is not. */
  readonly evict?: string | undefined;
  /** The machine is critically short of memory. */
  readonly critical?: boolean;
  /** Its file of API keys holds others now, and it is its turn to restart. */
  readonly keysChanged?: boolean;
  /** Why its prompt cache gets another size now, which takes a restart; undefined if it does not. */
  readonly cacheChanged?: string | undefined;
  /** Bytes of the prompt cache that a start would have. Default: 0. */
  readonly promptCacheBytes?: number;
  /** Why its file of API keys cannot be used; undefined if it can, or if there is none. */
  readonly keyProblem?: string | undefined;
  /** Milliseconds of cooldown left after an eviction; undefined if it was never evicted. */
  readonly cooldownLeftMs?: number | undefined;
  readonly backOff?: BackOff | undefined;
  /** Why it does not start by itself after what it did to the machine; undefined if it may. */
  readonly hold?: Hold | undefined;
  /** Undefined unless the workload should run. */
  readonly preparation?: Preparation | undefined;
  /** The last projection. It may belong to earlier settings. */
  readonly projection?: Projection | undefined;
  /** Whether it is in memory, behind a gateway; undefined: without one, or where it should not run. */
  readonly rest?: Rest | undefined;
  /** Admission's decision; undefined unless {@link isCandidate}. */
  readonly verdict?: Verdict | undefined;
}

/**
 * `hurry` ends a server whose conversations were to be saved first; `ask` runs llama-server to learn how much memory it will reserve;
 * `forget` drops the workload from the supervisor.
 */
export type Act = "nothing" | "stop" | "hurry" | "kill" | "ask" | "start" | "forget";

export interface Decision {
  readonly act: Act;
  readonly state: State;
  readonly reason?: string;
  readonly message?: string;
  /** It takes no new request, and stops when those that it works on have ended. */
  readonly drains?: true;
  /** Whether it stops because it failed; undefined unless it stops. */
  readonly failure?: boolean;
  /** So much of its grace period went by while its requests ended, in milliseconds; undefined: none. */
  readonly graceUsedMs?: number;
  /** Kind of the failure that stands in the way; undefined unless something failed. */
  readonly failureKind?: FailureKind;
  /** Position in the queue for memory, counted from 1; undefined unless it waits. */
  readonly queuePosition?: number;
}

/** A server that is not Ready by then is restarted. Reading large weights from a slow disk takes minutes (LLMKube#330). */
export const START_TIMEOUT_MS = 900_000;

/** After this many failed health checks in a row a server counts as hung and is restarted. */
export const UNHEALTHY_CHECKS = 3;

/**
 * Decides what to do about one workload now, and what its status says. `desired` is undefined when the source does not name the
 * workload, or when the agent shuts down. This is the only place that makes a decision; admission and projection are inputs.
 */
export function decide(desired: Desired | undefined, observed: Observed, now: number): Decision {
  if (observed.server !== undefined) return decideRunning(desired, observed.server, observed, now);
  if (desired === undefined) return decideForgotten(observed);
  if (desired.kind !== "run") return decideDown(desired);
  return obstacle(desired.workload, observed, now) ?? resting(observed.rest) ?? decideStart(desired.workload, observed);
}

/** Whether something other than memory that others hold, or may hold, keeps it from starting. */
export function isObstructed(desired: Desired | undefined, observed: Observed, now: number): boolean {
  return desired?.kind !== "run" || obstacle(desired.workload, observed, now) !== undefined;
}

/** Whether only the machine's memory can still prevent a start. Such workloads are the candidates of admission. */
export function isCandidate(desired: Desired | undefined, observed: Observed, now: number): boolean {
  return (
    observed.server === undefined &&
    !isObstructed(desired, observed, now) &&
    (observed.rest === undefined || observed.rest.kind === "awake")
  );
}

/** While the source is not read completely, a workload that failed is not forgotten: its status keeps the reason of the failure. */
function decideForgotten({ synced, backOff }: Observed): Decision {
  if (synced || backOff === undefined) return { act: "forget", state: "Stopped" };
  const { state, reason, message } = backOff;
  return { act: "nothing", state, reason, message };
}

function decideDown(desired: Exclude<Desired, { readonly kind: "run" }>): Decision {
  const { kind, message } = desired;
  if (kind === "stopped") return { act: "nothing", state: "Stopped", message };
  if (kind === "unknown") return { act: "nothing", state: "Pending", reason: desired.reason ?? "Unreadable", message };
  return { act: "nothing", state: desired.state, reason: desired.reason, message };
}

/** What prevents a start apart from memory that others hold; undefined when nothing does. */
function obstacle(workload: Workload, observed: Observed, now: number): Decision | undefined {
  const { backOff, hold, preparation, cooldownLeftMs, projection, keyProblem, promptCacheBytes = 0 } = observed;
  if (hold !== undefined) return { act: "nothing", ...hold };
  if (cooldownLeftMs !== undefined && !workload.returnsAfterEviction) {
    const message = "evicted to free memory; its controller creates a replacement";
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
  return unprepared(preparation) ?? lockedOut(keyProblem) ?? projected(workload, projection, promptCacheBytes);
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

/** With an empty file llama-server would serve everybody. */
function lockedOut(keyProblem: string | undefined): Decision | undefined {
  return keyProblem === undefined ? undefined : failed("ApiKeyFileUnusable", keyProblem, undefined);
}

/** Why it does not start, behind a gateway; undefined if it may. */
function resting(rest: Rest | undefined): Decision | undefined {
  switch (rest?.kind) {
    case "sleeps":
      return { act: "nothing", state: "Sleeping", reason: rest.reason, message: rest.message };
    case "waits":
    case "blocked":
      return { act: "nothing", state: "Waiting", reason: "WaitingForMemory", message: rest.message };
    default:
      return undefined;
  }
}

const ASKING = "asking llama-server how much memory it will reserve";

function projected(
  { specHash, budget }: Workload,
  projection: Projection | undefined,
  promptCacheBytes: number,
): Decision | undefined {
  if (projection?.specHash !== specHash) return undefined;
  if (projection.bytes === undefined) {
    return { act: "nothing", state: "Starting", message: ASKING };
  }
  const message = projectionRefusal(projection, budget, promptCacheBytes);
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
    case "reserves":
      return { act: "nothing", state: "Pending", message: verdict.message };
    case "starts":
      if (projection?.specHash === specHash) return { act: "start", state: "Starting" };
      return { act: "ask", state: "Starting", message: ASKING };
  }
}

function decideRunning(desired: Desired | undefined, server: ServerView, observed: Observed, now: number): Decision {
  if (server.phase === "stopping") return decideStopping(desired, server, observed, now);
  const { evict, synced, ending, keysChanged, cacheChanged, rest, inFlight } = observed;
  const decision = server.phase === "ready" ? decideReady(server, now) : decideStarting(server, now);
  // Of a server that does not answer nothing ends by itself.
  const awaited = decision.state === "Ready" ? inFlight : undefined;
  const afterRequests = (stopped: Decision, longestMs: number) => drained(stopped, awaited, longestMs, now);
  if (isAbsent(desired, server, synced)) {
    if (ending) return stop("Stopped", "the agent is ending");
    return afterRequests(stop("Removed", "nothing asks for it any more"), REMOVAL_DRAIN_MS);
  }
  if (desired?.kind === "stopped") {
    const { message, gracePeriodMs } = desired;
    const stopped = stop("Stopped", message);
    if (gracePeriodMs === undefined) return afterRequests(stopped, REMOVAL_DRAIN_MS);
    const longestMs = Math.min(gracePeriodMs, REMOVAL_DRAIN_MS);
    const graceUsedMs = Math.min(longestMs, now - (inFlight?.drainsSince ?? now));
    return afterRequests({ ...stopped, graceUsedMs }, longestMs);
  }
  if (desired?.kind === "refused") return afterRequests(stop(desired.reason, desired.message), REMOVAL_DRAIN_MS);
  if (evict !== undefined) return stop("Evicted", evict);
  if (rest?.kind === "sleeps") return stop(rest.reason, rest.message);
  if (desired?.kind === "run" && desired.workload.specHash !== server.specHash) {
    return afterRequests(stop("SpecChanged", "its settings changed; it restarts with the new ones"), RESTART_DRAIN_MS);
  }
  if (keysChanged) {
    return afterRequests(stop("KeyChanged", "its API keys changed; it restarts with the new ones"), RESTART_DRAIN_MS);
  }
  if (cacheChanged !== undefined) return stop("PromptCacheChanged", cacheChanged);
  return rest?.kind === "drains" && decision.act === "nothing" ? { ...decision, message: rest.message } : decision;
}

/** The stop, or what comes before it. */
function drained(stopped: Decision, inFlight: InFlight | undefined, longestMs: number, now: number): Decision {
  const clause = drainClause(inFlight, longestMs, now);
  if (clause === undefined) return stopped;
  const { failure: _none, graceUsedMs: _notYet, ...decision } = stopped;
  return { ...decision, act: "nothing", message: `${stopped.message}; ${clause}`, drains: true };
}

function decideReady({ fault, failedChecks, failing }: ReadyView, now: number): Decision {
  if (fault !== undefined) return stop("GpuFault", fault, "failed");
  if (failing !== undefined && answersNoMore(failing, now)) return stop(failing.reason, failing.message, "failed");
  if (failedChecks < UNHEALTHY_CHECKS) return { act: "nothing", state: "Ready" };
  const message = `it neither answered nor did any work in ${UNHEALTHY_CHECKS} health checks in a row; it will be restarted`;
  return stop("Unhealthy", message, "failed");
}

function decideStarting({ failing, startedAt }: StartingView, now: number): Decision {
  if (failing !== undefined && failsForGood(failing, now)) return stop(failing.reason, failing.message, "failed");
  if (now - startedAt < START_TIMEOUT_MS) return { act: "nothing", state: "Starting" };
  return stop("StartTimeout", `it did not become ready within ${START_TIMEOUT_MS / 60_000} minutes`, "failed");
}

function stop(reason: string, message: string, why: "failed" | "wanted" = "wanted"): Decision {
  return { act: "stop", state: "Draining", reason, message, failure: why === "failed" };
}

/** Whether it is certain that no workload wants this server. */
export function isAbsent(desired: Desired | undefined, server: ServerView, synced: boolean): boolean {
  return desired === undefined && (synced || server.confirmed);
}

function decideStopping(desired: Desired | undefined, server: StoppingView, observed: Observed, now: number): Decision {
  const { at, reason, message, gracePeriodMs, killed, saves } = server.stop;
  const draining = { state: "Draining", reason, message } as const;
  if (saves && isSaveVain(desired, server, observed)) return { act: "hurry", ...draining };
  return { act: !killed && now - at >= gracePeriodMs ? "kill" : "nothing", ...draining };
}

/** Whether its memory is wanted at once, or nobody will want what it saves. */
function isSaveVain(desired: Desired | undefined, server: StoppingView, observed: Observed): boolean {
  const { critical, ending, synced } = observed;
  if (critical || ending || isAbsent(desired, server, synced)) return true;
  if (desired?.kind === "run") return desired.workload.onDemand.savedSlots === "off";
  return desired?.kind === "stopped" || desired?.kind === "refused";
}
