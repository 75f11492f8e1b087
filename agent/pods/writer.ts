import { isDeepStrictEqual } from "node:util";
import { FIELD_MANAGERS, MEMORY_CONDITION } from "../../api/fleet.ts";
import type { KubeClient, KubeFailure, KubeObject } from "../../kube/client.ts";
import { type Clock, systemClock } from "../../kube/clock.ts";
import { KINDS } from "../../kube/kinds.ts";
import { keyedQueue, type Outcome } from "../../kube/queue.ts";
import type { Runnable } from "../lifecycle/runnable.ts";
import { isTerminal, type Pod, parsePod } from "../sources/pods/pod.ts";
import type { PodSource } from "../sources/pods/pods.ts";
import type { StatusSink } from "../status/sink.ts";
import type { WorkloadStatus } from "../status/status.ts";
import { type WorkloadId, workloadId } from "../workload/workload-id.ts";
import { isServing, processId, restartBaseOf } from "./container.ts";
import { eventsOf, type PodEvent } from "./events.ts";
import { MEMORY_PAUSE_MS, memoryNow } from "./memory-condition.ts";
import { onlyCounts, statusPatch } from "./patch.ts";
import { podStatus } from "./pod-status.ts";

export interface PodStatusOptions {
  /** As the kubelet of this node. */
  readonly client: KubeClient;
  readonly source: Pick<PodSource, "pods" | "onPod">;
  /** The address that pods of this node have; undefined without a network. */
  readonly hostIp: () => string | undefined;
  /** Whether a process runs for it, or may run, which cannot be told: then its pod is not finished. */
  readonly mayRun: (id: WorkloadId) => boolean;
  /** Whether the name of this node is this agent's. */
  readonly mayWrite: () => boolean;
  readonly record: (pod: Pod, event: PodEvent) => void;
  readonly clock?: Clock;
}

/** Writes the status of pods, and finishes those that are deleted. */
export interface PodStatuses {
  readonly sink: StatusSink;
  readonly runnable: Runnable;
  /** One sentence where statuses cannot be written at the moment. */
  readonly problems: () => readonly string[];
  /** Tells the API server that no server of this node is ready any more; resolves once it knows, or after `milliseconds`. */
  readonly beginEnd: (milliseconds: number) => Promise<void>;
}

/** What is remembered of one pod from one write to the next. */
interface Memory {
  workload: WorkloadStatus;
  /** As the API server answered the last write, until the watch has told as much. */
  written?: Pod;
  writtenAt: number;
  memoryAt: number;
  restartBase?: number | undefined;
}

/** How often numbers within sentences alone are written, in milliseconds. */
const COUNTING_MS = 60_000;
const WORKERS = 4;
const BACK_OFF = { firstMs: 250, longestMs: 15_000 };
/** How long the last statuses may take when the agent ends. */
const LAST_WRITES_MS = 3000;
const POLL_MS = 20;
/** Until the next look whether the name of the node is this agent's, in milliseconds. */
const CHARGE_MS = 1000;
/** After a conflict: the pod may be another one by now, which the watch tells. */
const CONFLICT_MS = 1000;

/**
 * Level-based: a pod's status is computed from what the API server holds and what its workload does now, and what differs is written until
 * it lands. So nothing is lost in an outage, and a restarted agent writes nothing where nothing changed.
 */
export function podStatuses(options: PodStatusOptions): PodStatuses {
  const { client, source, clock = systemClock } = options;
  const known = new Map<WorkloadId, Memory>();
  const failures = new Map<string, string>();
  let ending = false;

  async function sync(id: WorkloadId, signal: AbortSignal): Promise<Outcome> {
    const memory = known.get(id);
    const told = source.pods().get(id);
    if (told === undefined) return forget(id);
    if (memory === undefined) return DONE;
    if (!options.mayWrite()) return later(CHARGE_MS);
    const pod = newest(told, memory.written);
    if (isFinished(pod, memory.workload) && !options.mayRun(id)) return settle(await remove(client, pod, signal));
    if (isTerminal(pod)) return DONE;
    return write(pod, memory, signal);
  }

  async function write(pod: Pod, memory: Memory, signal: AbortSignal): Promise<Outcome> {
    const now = clock.monotonic();
    const { workload } = memory;
    if (memory.restartBase === undefined) memory.restartBase = restartBaseOf(pod, workload);
    const { restartBase } = memory;
    const memorySinceMs = now - memory.memoryAt;
    const view = { pod, workload, hostIp: options.hostIp(), restartBase, memorySinceMs, ending };
    const status = podStatus({ ...view, now: new Date(clock.now()) });
    const patch = statusPatch(pod, status);
    if (patch === undefined) return later(heldBackMs(pod, memory, now));
    const sinceMs = now - memory.writtenAt;
    if (sinceMs < COUNTING_MS && onlyCounts(pod, status)) return later(COUNTING_MS - sinceMs);
    const { name, namespace } = pod.metadata;
    const answer = await client.patch(KINDS.pod, { name, namespace }, patch, {
      ...{ type: "strategic", subresource: "status", fieldManager: FIELD_MANAGERS.agent, signal },
    });
    if (!answer.ok) return settle(answer);
    const parsed = parsePod(answer.value);
    if (parsed.ok) memory.written = parsed.value;
    memory.writtenAt = now;
    if (saysMemory(patch.status["conditions"])) memory.memoryAt = now;
    return later(heldBackMs(parsed.ok ? parsed.value : pod, memory, now));
  }

  function forget(id: WorkloadId): Outcome {
    known.delete(id);
    return DONE;
  }

  const queue = keyedQueue({
    handle: async (key, signal) => {
      const outcome = await sync(workloadId(key), signal);
      if (outcome.ok) failures.delete(key);
      return outcome;
    },
    failed: (key, error) => failures.set(key, error),
    ...{ workers: WORKERS, backOff: BACK_OFF, clock },
  });
  const take = (workload: WorkloadStatus) => {
    const id = workloadId(workload.id);
    const pod = source.pods().get(id);
    if (pod === undefined) return;
    const memory = known.get(id);
    if (memory !== undefined && isDeepStrictEqual(memory.workload, workload)) return;
    for (const event of eventsOf(pod, memory?.workload, workload)) options.record(pod, event);
    if (memory === undefined) known.set(id, { workload, ...NEVER });
    else memory.workload = workload;
    queue.add(id);
  };
  source.onPod((id) => queue.add(id));

  return {
    sink: {
      name: "the status of the pods",
      publish: async ({ workloads }) => workloads.forEach(take),
      terminated: async (last) => take(last),
    },
    runnable: { name: "the writer of pod statuses", run: (signal) => runUntilWritten(queue, signal) },
    problems: () => [...new Set(failures.values())].slice(0, 1),
    beginEnd: async (milliseconds) => {
      ending = true;
      const serving = [...known].flatMap(([id, { workload }]) => (isServing(workload) ? [id] : []));
      for (const id of serving) queue.add(id);
      await untilIdle(queue, milliseconds);
    },
  };
}

const DONE: Outcome = { ok: true };
const NEVER = { writtenAt: Number.NEGATIVE_INFINITY, memoryAt: Number.NEGATIVE_INFINITY };

function later(milliseconds: number | undefined): Outcome {
  return milliseconds === undefined ? DONE : { ok: true, againAfterMs: milliseconds };
}

/** A pod that is gone, or whose name another one has, needs no status. */
function settle(answer: { readonly ok: true } | KubeFailure): Outcome {
  if (answer.ok) return DONE;
  if (answer.kind === "not-found") return DONE;
  return answer.kind === "conflict" ? later(CONFLICT_MS) : answer;
}

/** It is deleted, and its process is gone: only its object is left, which holds its port until it is gone, too. */
function isFinished({ metadata }: Pod, workload: WorkloadStatus): boolean {
  return metadata.deletionTimestamp !== undefined && workload.state === "Stopped" && processId(workload) === undefined;
}

async function remove(client: KubeClient, { metadata }: Pod, signal: AbortSignal) {
  const { name, namespace, uid } = metadata;
  return client.delete(KINDS.pod, { name, namespace }, { gracePeriodSeconds: 0, uid, signal });
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

function newest(told: Pod, written: Pod | undefined): Pod {
  if (written === undefined) return told;
  return versionOf(written) > versionOf(told) ? written : told;
}

/** The API server promises that versions of one kind can be compared, since 1.35; all before it did so too. */
function versionOf({ metadata }: Pod): bigint {
  return /^\d+$/.test(metadata.resourceVersion ?? "") ? BigInt(metadata.resourceVersion ?? 0) : 0n;
}

type Queue = ReturnType<typeof keyedQueue>;

/** The last statuses are written after the servers have ended, which is when the signal is aborted. */
async function runUntilWritten(queue: Queue, signal: AbortSignal): Promise<void> {
  const over = new AbortController();
  const running = queue.run(over.signal);
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
  await untilIdle(queue, LAST_WRITES_MS);
  over.abort();
  await running;
}

/** Until nothing is under way any more; what failed is waited for as well. */
async function untilIdle(queue: Queue, milliseconds: number): Promise<void> {
  for (const deadline = performance.now() + milliseconds; performance.now() < deadline; ) {
    const { waiting, working } = queue.counts();
    if (waiting === 0 && working === 0) return;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}
