import { FIELD_MANAGERS, MEMORY_CONDITION } from "../../api/fleet.ts";
import type { KubeClient, KubeFailure, KubeObject } from "../../kube/client.ts";
import type { Clock } from "../../kube/clock.ts";
import { KINDS } from "../../kube/kinds.ts";
import type { Outcome } from "../../kube/queue.ts";
import { type Pod, parsePod } from "../sources/pods/pod.ts";
import type { WorkloadStatus } from "../status/status.ts";
import { type FirstProcess, restartBaseOf } from "./container.ts";
import { MEMORY_PAUSE_MS, memoryNow } from "./memory-condition.ts";
import { onlyCounts, statusPatch } from "./patch.ts";
import { podStatus } from "./pod-status.ts";

/** What is remembered of one pod from one write to the next. Times are milliseconds of the clock. */
export interface Memory {
  workload: WorkloadStatus;
  /** As the API server answered the last write, until the watch has told as much. */
  written?: Pod;
  writtenAt: number;
  memoryAt: number;
  /** Undefined until one was seen. */
  first: FirstProcess | undefined;
  restartBase?: number | undefined;
}

/** Of a pod that is seen for the first time: what an earlier agent has said of its memory counts as said now, so a restart writes nothing. */
export function newMemory(
  { status }: Pod,
  workload: WorkloadStatus,
  first: FirstProcess | undefined,
  now: number,
): Memory {
  const isSaid = status.conditions?.some(({ type }) => type === MEMORY_CONDITION) ?? false;
  const never = Number.NEGATIVE_INFINITY;
  return { workload, first, writtenAt: never, memoryAt: isSaid ? now : never };
}

export interface Writing {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly hostIp: string | undefined;
  /** The agent is about to stop its servers. */
  readonly ending: boolean;
  readonly signal: AbortSignal;
}

/** How often numbers within sentences alone are written, in milliseconds. */
const COUNTING_MS = 60_000;
/** After a conflict: the pod may be another one by now, which the watch tells. */
const CONFLICT_MS = 1000;

/** Writes what the API server does not have yet of the status of a pod. */
export async function writeStatus(pod: Pod, memory: Memory, writing: Writing): Promise<Outcome> {
  const { client, clock, hostIp, ending, signal } = writing;
  const now = clock.monotonic();
  const { workload, memoryAt } = memory;
  memory.restartBase ??= memory.first && restartBaseOf(pod, memory.first);
  const status = podStatus({
    ...{ pod, workload, hostIp, ending, restartBase: memory.restartBase, memorySinceMs: now - memoryAt },
    now: new Date(clock.now()),
  });
  const patch = statusPatch(pod, status);
  if (patch === undefined) return later(heldBackMs(pod, memory, now));
  const sinceMs = now - memory.writtenAt;
  if (sinceMs < COUNTING_MS && onlyCounts(pod, status)) return later(COUNTING_MS - sinceMs);
  const { name, namespace } = pod.metadata;
  const answer = await client.patch(KINDS.pod, { name, namespace }, patch, {
    ...{ type: "strategic", subresource: "status", fieldManager: FIELD_MANAGERS.agent, signal },
  });
  if (!answer.ok) return settled(answer);
  const parsed = parsePod(answer.value);
  if (parsed.ok) memory.written = parsed.value;
  memory.writtenAt = now;
  if (saysMemory(patch.status["conditions"])) memory.memoryAt = now;
  return later(heldBackMs(parsed.ok ? parsed.value : pod, memory, now));
}

/** Removes a pod that is deleted, and whose process is gone: until then its object holds its port and its memory. */
export async function removePod({ metadata }: Pod, client: KubeClient, signal: AbortSignal): Promise<Outcome> {
  const { name, namespace, uid } = metadata;
  const answer = await client.delete(KINDS.pod, { name, namespace }, { gracePeriodSeconds: 0, uid, signal });
  return answer.ok ? later(undefined) : settled(answer);
}

/** The newer of what the watch has told and what the last write has answered. */
export function newest(told: Pod, { written }: Memory): Pod {
  if (written === undefined) return told;
  return versionOf(written) > versionOf(told) ? written : told;
}

/** The API server promises that versions of one kind can be compared, since 1.35; all before it did so too. */
function versionOf({ metadata }: Pod): bigint {
  const version = metadata.resourceVersion ?? "";
  return /^\d+$/.test(version) ? BigInt(version) : 0n;
}

function later(milliseconds: number | undefined): Outcome {
  return milliseconds === undefined ? { ok: true } : { ok: true, againAfterMs: milliseconds };
}

/** A pod that is gone needs no status. */
function settled(failure: KubeFailure): Outcome {
  if (failure.kind === "not-found") return later(undefined);
  return failure.kind === "conflict" ? later(CONFLICT_MS) : failure;
}

/** Until the memory numbers that were held back may be written; undefined: none are. */
function heldBackMs({ status }: Pod, { workload, memoryAt }: Memory, now: number): number | undefined {
  const message = memoryNow(workload)?.message;
  const said = status.conditions?.find(({ type }) => type === MEMORY_CONDITION)?.message;
  const leftMs = memoryAt + MEMORY_PAUSE_MS - now;
  return message === undefined || message === said || leftMs <= 0 ? undefined : leftMs;
}

function saysMemory(conditions: unknown): boolean {
  return Array.isArray(conditions) && conditions.some((one: KubeObject) => one["type"] === MEMORY_CONDITION);
}
