import type { PodUsage, Usage } from "./usage.ts";

/** `/stats/summary` as kubelet has it (k8s.io/kubelet/pkg/apis/stats/v1alpha1): the parts of it that are known here. */
export function summaryOf(nodeName: string, usage: Usage): unknown {
  const { at, startedAt, cpuSeconds, availableBytes, usedBytes, pods } = usage;
  const time = new Date(at).toISOString();
  return {
    node: {
      nodeName,
      startTime: startedAt,
      cpu: cpuStats(time, cpuSeconds),
      memory: { ...memoryStats(time, usedBytes), availableBytes },
    },
    pods: pods.map((pod) => podStats(time, pod)),
  };
}

function podStats(time: string, { namespace, pod, uid, container, startedAt, cpuSeconds, memoryBytes }: PodUsage) {
  const used = { cpu: cpuStats(time, cpuSeconds), memory: memoryStats(time, memoryBytes) };
  return {
    podRef: { name: pod, namespace, uid },
    startTime: startedAt,
    containers: [{ name: container, startTime: startedAt, ...used }],
    ...used,
  };
}

function cpuStats(time: string, seconds: number | undefined) {
  return seconds === undefined ? undefined : { time, usageCoreNanoSeconds: Math.round(seconds * 1e9) };
}

function memoryStats(time: string, bytes: number | undefined) {
  return bytes === undefined ? undefined : { time, usageBytes: bytes, workingSetBytes: bytes };
}
