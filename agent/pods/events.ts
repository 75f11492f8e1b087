import { UNHEARD } from "../sources/pods/accept.ts";
import type { Pod } from "../sources/pods/pod.ts";
import type { Unload, WorkloadStatus } from "../status/status.ts";
import { processId } from "./container.ts";

/** What happened to a pod, for `kubectl describe pod` and `kubectl events`. */
export interface PodEvent {
  readonly type: "Normal" | "Warning";
  /** One word, as in Kubernetes: `Started`. */
  readonly reason: string;
  /** What was being done: `Starting`. */
  readonly action: string;
  /** One sentence. */
  readonly note: string;
}

/** Ends of a model that was unloaded, because nobody used it or for another; the next request wakes it. */
const UNLOADED = ["Idle", "MadeRoom"] as const satisfies readonly Unload["reason"][];

/** Ends that somebody wanted; the others are failures. */
const WANTED: ReadonlySet<string | undefined> = new Set([
  "Removed",
  "Stopped",
  "SpecChanged",
  "KeyChanged",
  ...UNLOADED,
]);

/**
 * What is new since `before`, the status that this agent has made of it last; undefined: this is the first one. What an earlier agent has
 * told already, as the status of the pod shows, is not told again.
 */
export function eventsOf(pod: Pod, before: WorkloadStatus | undefined, now: WorkloadStatus): readonly PodEvent[] {
  return [...ended(pod, before, now), ...started(pod, before, now), ...stands(pod, before, now)];
}

function ended(pod: Pod, before: WorkloadStatus | undefined, { lastExit }: WorkloadStatus): readonly PodEvent[] {
  if (lastExit === undefined || before?.lastExit?.at === lastExit.at) return [];
  if (before === undefined && pod.status.containerStatuses?.[0]?.lastState?.terminated !== undefined) return [];
  const { reason, message, code, signal } = lastExit;
  if (WANTED.has(reason)) return [event("Normal", "Stopped", "Stopping", message ?? "llama-server has ended")];
  const how = code === undefined ? (signal ?? "unknown") : `code ${code}`;
  return [event("Warning", reason ?? "Exited", "Running", message ?? `llama-server has ended (${how})`)];
}

function started(pod: Pod, before: WorkloadStatus | undefined, now: WorkloadStatus): readonly PodEvent[] {
  const id = processId(now);
  const seen = before === undefined ? pod.status.containerStatuses?.[0]?.containerID : processId(before);
  const events: PodEvent[] = [];
  if (id !== undefined && id !== seen) {
    events.push(event("Normal", "Started", "Starting", `started llama-server (pid ${now.pid})`));
  }
  const wasReady = before === undefined ? pod.status.containerStatuses?.[0]?.ready : before.state === "Ready";
  if (now.state === "Ready" && wasReady !== true) {
    events.push(event("Normal", "Ready", "Starting", `llama-server answers at ${now.endpoint ?? "its port"}`));
  }
  return events;
}

/** States that a person may have to do something about, while no process runs. */
const TROUBLE: ReadonlySet<WorkloadStatus["state"]> = new Set(["Failed", "BackOff", "HeldBack"]);

function stands(pod: Pod, before: WorkloadStatus | undefined, now: WorkloadStatus): readonly PodEvent[] {
  const { state, reason, message = "" } = now;
  if (now.pid !== undefined || reason === undefined || reason === UNHEARD) return [];
  const told =
    before === undefined
      ? pod.status.containerStatuses?.[0]?.state?.waiting?.reason === reason
      : before.state === state && before.reason === reason && before.pid === undefined;
  // How a process ended is told as its end.
  if (told || (state === "BackOff" && now.lastExit?.reason === reason)) return [];
  if (state === "Failed" && reason === "Evicted") return [];
  if (TROUBLE.has(state)) return [event("Warning", reason, "Starting", message)];
  if (state === "Pending") return [event("Warning", reason, "Starting", message)];
  return state === "Waiting" ? [event("Normal", reason, "Starting", message)] : [];
}

const LONGEST_NOTE = 1024;

function event(type: PodEvent["type"], reason: string, action: string, note: string): PodEvent {
  return { type, reason, action, note: note.slice(0, LONGEST_NOTE) };
}
