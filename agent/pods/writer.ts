import { isDeepStrictEqual } from "node:util";
import type { KubeClient } from "../../kube/client.ts";
import { type Clock, systemClock } from "../../kube/clock.ts";
import { type KeyedQueue, keyedQueue, type Outcome } from "../../kube/queue.ts";
import type { Runnable } from "../lifecycle/runnable.ts";
import { isTerminal, type Pod } from "../sources/pods/pod.ts";
import type { PodSource } from "../sources/pods/pods.ts";
import type { StatusSink } from "../status/sink.ts";
import type { WorkloadStatus } from "../status/status.ts";
import { type WorkloadId, workloadId } from "../workload/workload-id.ts";
import { type FirstProcess, firstProcessOf, isServing, processId } from "./container.ts";
import { eventsOf, type PodEvent } from "./events.ts";
import { type Memory, newest, newMemory, removePod, writeStatus } from "./write.ts";

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

const WORKERS = 4;
const BACK_OFF = { firstMs: 250, longestMs: 15_000 };
/** How long the last statuses may take when the agent ends. */
const LAST_WRITES_MS = 3000;
const POLL_MS = 20;
/** What matters to nobody at once is written with what follows it: a start goes through several states. */
const GATHER_MS = 200;
/** Until the next look whether the name of the node is this agent's, in milliseconds. */
const CHARGE_MS = 1000;

/**
 * Level-based: a pod's status is computed from what the API server holds and what its workload does now, and what differs is written until
 * it lands. So nothing is lost in an outage, and a restarted agent writes nothing where nothing changed.
 */
export function podStatuses(options: PodStatusOptions): PodStatuses {
  const { client, source, clock = systemClock } = options;
  const known = new Map<WorkloadId, Memory>();
  /** Of all workloads, those of pods that the API server has not told about yet included: an outage may outlast the first process. */
  const firsts = new Map<WorkloadId, FirstProcess>();
  const failures = new Map<string, string>();
  let ending = false;

  async function sync(id: WorkloadId, signal: AbortSignal): Promise<Outcome> {
    const memory = known.get(id);
    const told = source.pods().get(id);
    if (told === undefined) known.delete(id);
    if (memory === undefined || told === undefined) return { ok: true };
    if (!options.mayWrite()) return { ok: true, againAfterMs: CHARGE_MS };
    const pod = newest(told, memory);
    if (isFinished(pod, memory.workload) && !options.mayRun(id)) return removePod(pod, client, signal);
    if (isTerminal(pod)) return { ok: true };
    return writeStatus(pod, memory, { client, clock, hostIp: options.hostIp(), ending, signal });
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
    const first = firsts.get(id) ?? firstProcessOf(workload);
    if (first !== undefined) firsts.set(id, first);
    const pod = source.pods().get(id);
    if (pod === undefined) return;
    const memory = known.get(id);
    if (memory !== undefined && isDeepStrictEqual(memory.workload, workload)) return;
    for (const event of eventsOf(pod, memory?.workload, workload)) options.record(pod, event);
    const urgent = memory === undefined ? isServing(workload) : isServing(memory.workload) !== isServing(workload);
    if (memory === undefined) known.set(id, newMemory(pod, workload, first, clock.monotonic()));
    else Object.assign(memory, { workload, first });
    if (urgent) queue.add(id);
    else queue.addAfter(id, GATHER_MS);
  };
  source.onPod((id) => queue.add(id));

  return {
    sink: {
      name: "the status of the pods",
      publish: async ({ workloads }) => {
        const ids = new Set<string>(workloads.map(({ id }) => id));
        for (const id of firsts.keys()) if (!ids.has(id)) firsts.delete(id);
        workloads.forEach(take);
      },
      terminated: async (last) => take(last),
    },
    runnable: { name: "the writer of pod statuses", run: (signal) => runUntilWritten(queue, signal) },
    problems: () => [...new Set(failures.values())].slice(0, 1),
    beginEnd: async (milliseconds) => {
      ending = true;
      for (const [id, { workload }] of known) if (isServing(workload)) queue.add(id);
      await untilIdle(queue, milliseconds);
    },
  };
}

/** It is deleted, and its process is gone. */
function isFinished({ metadata }: Pod, workload: WorkloadStatus): boolean {
  return metadata.deletionTimestamp !== undefined && workload.state === "Stopped" && processId(workload) === undefined;
}

/** The last statuses are written after the servers have ended, which is when the signal is aborted. */
async function runUntilWritten(queue: KeyedQueue, signal: AbortSignal): Promise<void> {
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

/** Until nothing is under way or due at once; what failed waits for its time, and is not waited for. */
async function untilIdle(queue: KeyedQueue, milliseconds: number): Promise<void> {
  const deadline = performance.now() + milliseconds;
  await new Promise((resolve) => setTimeout(resolve, GATHER_MS + POLL_MS));
  while (performance.now() < deadline) {
    const { waiting, working } = queue.counts();
    if (waiting === 0 && working === 0) return;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}
