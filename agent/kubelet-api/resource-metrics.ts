import { Counter, Gauge, Registry } from "@prometheus-io/client";
import type { PodUsage, Usage } from "./usage.ts";

const CONTAINER_LABELS = ["container", "namespace", "pod"] as const;
const POD_LABELS = ["namespace", "pod"] as const;

/**
 * `/metrics/resource` as kubelet has it and metrics-server reads it: names, labels and help are kubelet's. metrics-server passes over a
 * node or pod of which it does not get both processor time and memory.
 */
export async function resourceMetrics(usage: Usage): Promise<{ readonly type: string; readonly text: string }> {
  const registry = new Registry();
  const registers = [registry];
  const { pods } = usage;
  const containers = (value: (pod: PodUsage) => number | undefined) =>
    pods.map((one) => [{ container: one.container, namespace: one.namespace, pod: one.pod }, value(one)] as const);
  const wholePods = (value: (pod: PodUsage) => number | undefined) =>
    pods.map((one) => [{ namespace: one.namespace, pod: one.pod }, value(one)] as const);
  const machine = (value: number | undefined) => [[{}, value]] as const;

  const gauge = (name: string, help: string, labelNames: readonly string[], series: Series) => {
    const metric = new Gauge({ name, help, labelNames, registers });
    if (labelNames.length === 0) metric.remove();
    for (const [labels, value] of series) if (value !== undefined) metric.set(labels, value);
  };
  const counter = (name: string, help: string, labelNames: readonly string[], series: Series) => {
    const metric = new Counter({ name, help, labelNames, registers });
    for (const [labels, value] of series) if (value !== undefined) metric.inc(labels, value);
  };
  const cpu = "Cumulative cpu time consumed by the";
  const memory = "Current working set of the";
  const cpuOf = (pod: PodUsage) => pod.cpuSeconds;
  const memoryOf = (pod: PodUsage) => pod.memoryBytes;
  const startOf = ({ startedAt }: PodUsage) => (startedAt === undefined ? undefined : Date.parse(startedAt) / 1000);
  const seconds = "in core-seconds";

  counter("container_cpu_usage_seconds_total", `${cpu} container ${seconds}`, CONTAINER_LABELS, containers(cpuOf));
  gauge("container_memory_working_set_bytes", `${memory} container in bytes`, CONTAINER_LABELS, containers(memoryOf));
  const start = "Start time of the container since unix epoch in seconds";
  gauge("container_start_time_seconds", start, CONTAINER_LABELS, containers(startOf));
  counter("node_cpu_usage_seconds_total", `${cpu} node ${seconds}`, [], machine(usage.cpuSeconds));
  gauge("node_memory_working_set_bytes", `${memory} node in bytes`, [], machine(usage.usedBytes));
  counter("pod_cpu_usage_seconds_total", `${cpu} pod ${seconds}`, POD_LABELS, wholePods(cpuOf));
  gauge("pod_memory_working_set_bytes", `${memory} pod in bytes`, POD_LABELS, wholePods(memoryOf));
  return { type: registry.contentType, text: await registry.metrics() };
}

type Series = readonly (readonly [labels: Readonly<Record<string, string>>, value: number | undefined])[];
