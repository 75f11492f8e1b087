import { constants } from "node:os";
import { SLEEPING } from "../../api/fleet.ts";
import { UNHEARD } from "../sources/pods/accept.ts";
import type { ContainerState, ContainerStatus, Pod, Terminated } from "../sources/pods/pod.ts";
import type { WorkloadStatus } from "../status/status.ts";
import { rfc3339 } from "./time.ts";

/** What one container status is made of. */
export interface ContainerView {
  readonly pod: Pod;
  readonly workload: WorkloadStatus;
  /** What `restarts` of the workload counts from; undefined until its process was seen. */
  readonly restartBase: number | undefined;
  readonly now: Date;
}

/** kubelet's words for a container of which nobody saw the end. */
const NOBODY_SAW = {
  exitCode: 137,
  reason: "ContainerStatusUnknown",
  message: "it ended while no agent was there to see how",
};
/** As in a shell: a process that a signal ended. */
const SIGNAL_BASE = 128;
/** kubelet's bound on a termination message, in bytes. */
const LONGEST_MESSAGE = 4096;

/** The status of every container of a pod. One of ours has one container; of others none runs here. */
export function containerStatuses(view: ContainerView): readonly ContainerStatus[] {
  return view.pod.spec.containers.map((container) => {
    const prior = view.pod.status.containerStatuses?.find(({ name }) => name === container.name);
    const id = processId(view.workload);
    const state = stateOf(view, prior);
    const lastState = lastStateOf(view, prior, state);
    const ready = isServing(view.workload);
    const image = container.image ?? "";
    return {
      name: container.name,
      image,
      imageID: id === undefined ? "" : image,
      ...(id === undefined ? containerIdBefore(prior) : { containerID: id }),
      state,
      lastState: lastState ?? {},
      ready,
      started: id !== undefined && (ready || (prior?.containerID === id && prior.started === true)),
      restartCount: restartCount(prior, view),
      ...resourcesInForce(container.resources),
    };
  });
}

/** Whether its server may be sent requests. */
export function isServing({ state, pid }: WorkloadStatus): boolean {
  return state === "Ready" && pid !== undefined;
}

/** Tells one process of a workload from the next; undefined where none runs. */
export function processId({ pid, startedAt }: WorkloadStatus): string | undefined {
  if (pid === undefined) return undefined;
  return `llama-server://${pid}${startedAt === undefined ? "" : `-${Math.trunc(Date.parse(startedAt) / 1000)}`}`;
}

/** The first process of a workload that this agent has seen, adopted or started, and what `restarts` said then. */
export interface FirstProcess {
  readonly id: string;
  readonly restarts: number;
}

/** Undefined while none runs. */
export function firstProcessOf(workload: WorkloadStatus): FirstProcess | undefined {
  const id = processId(workload);
  return id === undefined ? undefined : { id, restarts: workload.restarts };
}

/**
 * What `restarts` of the workload counts from: the status on the API server counts the restarts of all agents before this one. The process of
 * that status is either the first that this agent has seen, or one before it.
 */
export function restartBaseOf(pod: Pod, { id, restarts }: FirstProcess): number {
  const prior = pod.status.containerStatuses?.find(({ name }) => name === pod.spec.containers[0]?.name);
  const { restartCount: before = 0, containerID } = prior ?? {};
  if (containerID === undefined) return before;
  return (containerID === id ? before : before + 1) - restarts;
}

function restartCount(prior: ContainerStatus | undefined, { workload, restartBase }: ContainerView): number {
  const before = prior?.restartCount ?? 0;
  return restartBase === undefined ? before : Math.max(before, restartBase + workload.restarts);
}

function containerIdBefore(prior: ContainerStatus | undefined) {
  return prior?.containerID === undefined ? {} : { containerID: prior.containerID };
}

/** What is requested is in force at once: memory is held to the budget, which follows the manifests. */
function resourcesInForce(resources: Pod["spec"]["containers"][number]["resources"]) {
  if (resources?.requests === undefined) return {};
  const { requests, limits } = resources;
  return { allocatedResources: requests, resources: { requests, ...(limits !== undefined && { limits }) } };
}

function stateOf({ workload, now }: ContainerView, prior: ContainerStatus | undefined): ContainerState {
  const id = processId(workload);
  if (id !== undefined) {
    const before = prior?.containerID === id ? prior.state?.running?.startedAt : undefined;
    const startedAt = workload.startedAt === undefined ? undefined : rfc3339(workload.startedAt);
    return { running: { startedAt: startedAt ?? before ?? rfc3339(now) } };
  }
  const ended = workload.state === "Stopped" || hasEnded(workload) ? endOf(workload, prior, now) : undefined;
  if (ended !== undefined) return { terminated: ended };
  // What was said before the API server was away, or before this agent began, stands until something is known.
  const said = workload.reason === UNHEARD ? prior?.state?.waiting : undefined;
  return { waiting: said ?? waitingOf(workload) };
}

/** Whether its pod never runs again. */
export function hasEnded({ state, reason, pid }: WorkloadStatus): boolean {
  return state === "Failed" && reason === "Evicted" && pid === undefined;
}

function waitingOf({ state, reason, message }: WorkloadStatus): { reason: string; message?: string } {
  const ownWord = state === "BackOff" || state === "Sleeping";
  const text = ownWord && reason !== undefined ? `${reason}: ${message ?? ""}` : message;
  return { reason: waitingReason(state, reason), ...(text !== undefined && { message: cut(text) }) };
}

/** The words that `kubectl get pods` shows, which its users know, where there are some. Why a model sleeps is no trouble, and in the message. */
function waitingReason(state: WorkloadStatus["state"], reason: string | undefined): string {
  if (state === "BackOff") return "CrashLoopBackOff";
  if (state === "Sleeping") return SLEEPING;
  if (reason !== undefined) return reason;
  return state === "Pending" ? "ContainerCreating" : state;
}

function lastStateOf(
  { workload, now }: ContainerView,
  prior: ContainerStatus | undefined,
  state: ContainerState,
): ContainerState | undefined {
  const before = prior?.lastState;
  if (state.terminated !== undefined) return before;
  const last = endOf(workload, prior, now);
  return last === undefined ? before : { terminated: last };
}

/** How the process before the one that runs has ended; undefined where there was none. */
function endOf(workload: WorkloadStatus, prior: ContainerStatus | undefined, now: Date): Terminated | undefined {
  const { lastExit } = workload;
  const earlier = [prior?.state?.terminated, prior?.lastState?.terminated].filter((one) => one !== undefined);
  const isReplaced = prior?.state?.running !== undefined && prior.containerID !== processId(workload);
  const wasRunning = isReplaced ? identityOf(prior) : {};
  if (lastExit === undefined) {
    return isReplaced ? { ...NOBODY_SAW, finishedAt: rfc3339(now), ...wasRunning } : earlier[0];
  }
  const finishedAt = rfc3339(lastExit.at);
  const same = earlier.find((one) => one.finishedAt === finishedAt);
  const { startedAt, containerID } = same ?? {};
  const known =
    same === undefined ? wasRunning : { ...(startedAt && { startedAt }), ...(containerID && { containerID }) };
  return { ...exitOf(lastExit), finishedAt, ...known };
}

function identityOf({ containerID, state }: ContainerStatus): Pick<Terminated, "startedAt" | "containerID"> {
  const startedAt = state?.running?.startedAt;
  return { ...(startedAt && { startedAt }), ...(containerID !== undefined && { containerID }) };
}

type LastExit = NonNullable<WorkloadStatus["lastExit"]>;

function exitOf({ code, signal, reason, message }: LastExit): Terminated {
  const number = signal === undefined ? undefined : signalNumber(signal);
  const exitCode = code ?? (number === undefined ? NOBODY_SAW.exitCode : SIGNAL_BASE + number);
  return {
    exitCode,
    ...(number !== undefined && { signal: number }),
    reason: terminatedReason(reason, exitCode),
    ...(message !== undefined && { message: cut(message) }),
  };
}

/** `kubectl` users look for OOMKilled; the message has the budget and what was measured. */
function terminatedReason(reason: string | undefined, exitCode: number): string {
  if (reason === "BudgetExceeded") return "OOMKilled";
  return reason ?? (exitCode === 0 ? "Completed" : "Error");
}

function signalNumber(signal: string): number | undefined {
  return Object.entries(constants.signals).find(([name]) => name === signal)?.[1];
}

function cut(message: string): string {
  return message.length <= LONGEST_MESSAGE ? message : `${message.slice(0, LONGEST_MESSAGE - 1)}…`;
}
