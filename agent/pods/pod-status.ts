import { MEMORY_CONDITION } from "../../api/fleet.ts";
import type { Pod, PodCondition, PodStatus } from "../sources/pods/pod.ts";
import type { WorkloadStatus } from "../status/status.ts";
import { containerStatuses, hasEnded, isServing, processId } from "./container.ts";
import { type MemoryView, memoryNow, memorySaid } from "./memory-condition.ts";
import { rfc3339 } from "./time.ts";

/** What the status of a pod is made of. */
export interface PodView {
  readonly pod: Pod;
  readonly workload: WorkloadStatus;
  /** Undefined without a network. */
  readonly hostIp: string | undefined;
  /** What `restarts` of the workload counts from; undefined until its process was seen. */
  readonly restartBase: number | undefined;
  /** Milliseconds since the memory numbers were written last; Infinity where this agent has not written any. */
  readonly memorySinceMs: number;
  /** The agent is about to stop its servers. */
  readonly ending: boolean;
  readonly now: Date;
}

/** The fields of `pod.status` that this agent writes. */
export type WrittenStatus = Pick<
  PodStatus,
  | ("phase" | "reason" | "message" | "hostIP" | "hostIPs" | "podIP" | "podIPs" | "startTime" | "observedGeneration")
  | ("conditions" | "containerStatuses")
>;

/**
 * The status of a pod whose workload has this status. Of the conditions, only the agent's own. What does not change keeps its time, so that
 * the same status comes out as long as nothing happens.
 */
export function podStatus(view: PodView): WrittenStatus {
  const { pod, workload, hostIp, now } = view;
  const { status, metadata, spec } = pod;
  const phase = phaseOf(view);
  const ended = phase === "Failed";
  return {
    phase,
    ...(ended && endText(workload, status)),
    ...(hostIp !== undefined && addresses(hostIp, spec.hostNetwork === true)),
    startTime: status.startTime ?? rfc3339(now),
    ...(metadata.generation !== undefined && { observedGeneration: metadata.generation }),
    conditions: conditionsOf(view, ended),
    containerStatuses: [...containerStatuses(view)],
  };
}

/** A pod without the host's network has no address of its own here. */
function addresses(ip: string, hostNetwork: boolean) {
  const ips = [{ ip }];
  return { hostIP: ip, hostIPs: ips, ...(hostNetwork && { podIP: ip, podIPs: ips }) };
}

function phaseOf({ pod, workload }: PodView): string {
  const { phase } = pod.status;
  if (phase === "Failed" || phase === "Succeeded") return phase;
  if (hasEnded(workload)) return "Failed";
  return processId(workload) !== undefined || phase === "Running" ? "Running" : "Pending";
}

/** What was said with the stop has the numbers. */
function endText({ reason, message, lastExit }: WorkloadStatus, before: PodStatus) {
  if (before.phase === "Failed") return { reason: before.reason, message: before.message };
  return { reason, message: lastExit?.reason === "Evicted" ? (lastExit.message ?? message) : message };
}

interface Told {
  readonly status: "True" | "False";
  readonly reason?: string;
  readonly message?: string;
}

function conditionsOf(view: PodView, ended: boolean): PodCondition[] {
  const { pod, workload } = view;
  const serving = isServing(workload) && !view.ending;
  const initialized = (pod.spec.initContainers ?? []).length === 0;
  const memory = memoryOf(view);
  const ready: Told = serving ? { status: "True" } : unready(view, ended);
  const told: readonly (readonly [type: string, told: Told])[] = [
    ["Initialized", initialized ? { status: "True" } : unready(view, ended)],
    ["Ready", ready],
    ["ContainersReady", ready],
    ...(memory === undefined ? [] : ([[MEMORY_CONDITION, memory]] as const)),
  ];
  return told.map(([type, one]) => condition(type, one, view));
}

/** kubelet's words. */
function unready({ pod, ending }: PodView, ended: boolean): Told {
  if (ended) return { status: "False", reason: "PodFailed" };
  if (ending)
    return { status: "False", reason: "AgentEnding", message: "the agent of this node ends, and with it its servers" };
  const names = pod.spec.containers.map(({ name }) => name).join(" ");
  return { status: "False", reason: "ContainersNotReady", message: `containers with unready status: [${names}]` };
}

function memoryOf({ pod, workload, memorySinceMs }: PodView): MemoryView | undefined {
  const now = memoryNow(workload);
  if (now === undefined) return undefined;
  const said = pod.status.conditions?.find(({ type }) => type === MEMORY_CONDITION);
  const isView = said?.status === "True" || said?.status === "False";
  if (!isView) return now;
  const before: MemoryView = {
    status: said.status === "True" ? "True" : "False",
    reason: said.reason ?? "",
    message: said.message ?? "",
  };
  return memorySaid(now, before, memorySinceMs);
}

function condition(type: string, told: Told, { pod, now }: PodView): PodCondition {
  const before = pod.status.conditions?.find((one) => one.type === type);
  const kept = before?.status === told.status ? before.lastTransitionTime : undefined;
  const { generation } = pod.metadata;
  return {
    type,
    ...told,
    lastTransitionTime: kept ?? rfc3339(now),
    ...(generation !== undefined && { observedGeneration: generation }),
  };
}
