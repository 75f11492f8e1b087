import { cpus } from "node:os";
import { CONTAINER_NAME } from "../../api/fleet.ts";
import type { KubeObject } from "../../kube/client.ts";
import type { AgentStatus, WorkloadStatus } from "../status/status.ts";

/** What the machine and the servers of its pods use. What is not known is undefined, never 0. */
export interface Usage {
  /** When the memory was measured, in milliseconds since 1970. */
  readonly at: number;
  /** When the agent was started. */
  readonly startedAt: string;
  /** Processor time of all cores since the machine was started, in seconds. */
  readonly cpuSeconds: number;
  readonly availableBytes: number | undefined;
  readonly usedBytes: number | undefined;
  readonly pods: readonly PodUsage[];
}

export interface PodUsage {
  readonly namespace: string;
  readonly pod: string;
  readonly uid: string;
  readonly container: string;
  readonly startedAt: string | undefined;
  readonly cpuSeconds: number | undefined;
  /** Footprint of its processes: what the budget is measured against. */
  readonly memoryBytes: number | undefined;
}

/** Processor time in seconds of the processes of a pod, by the pid of the first; null if it cannot be read. */
export type CpuSeconds = (pid: number) => Promise<number | null>;

/**
 * Puts together the status, which has numbers, and the pods, which have names. A pod without a process has no usage.
 *
 * @param machineCpuSeconds processor time of all cores
 */
export async function usageOf(
  status: AgentStatus,
  pods: readonly KubeObject[],
  cpuSeconds: CpuSeconds,
  machineCpuSeconds: () => number = cpuSecondsOfMachine,
): Promise<Usage> {
  const { agent, workloads } = status;
  const used = pods.map(async ({ metadata }) => {
    const workload = workloads.find(({ id, pid }) => id === metadata.uid && pid !== undefined);
    return workload === undefined ? [] : [await podUsage(metadata, workload, cpuSeconds)];
  });
  return {
    at: Date.parse(agent.updatedAt),
    startedAt: agent.startedAt,
    cpuSeconds: machineCpuSeconds(),
    availableBytes: agent.availableBytes,
    usedBytes: agent.availableBytes === undefined ? undefined : agent.hostMemoryBytes - agent.availableBytes,
    pods: (await Promise.all(used)).flat(),
  };
}

async function podUsage(
  { namespace = "", name }: KubeObject["metadata"],
  { id, pid, startedAt, measuredBytes }: WorkloadStatus,
  cpuSeconds: CpuSeconds,
): Promise<PodUsage> {
  const seconds = pid === undefined ? null : await cpuSeconds(pid).catch(() => null);
  return {
    ...{ namespace, pod: name, uid: id, container: CONTAINER_NAME },
    ...{ startedAt, cpuSeconds: seconds ?? undefined, memoryBytes: measuredBytes },
  };
}

function cpuSecondsOfMachine(): number {
  const busy = cpus().map(({ times: { user, nice, sys, irq } }) => user + nice + sys + irq);
  return busy.reduce((sum, milliseconds) => sum + milliseconds, 0) / 1000;
}
