import { Gauge, Histogram, Registry } from "@prometheus-io/client";
import { type AgentStatus, STATES, type WorkloadStatus } from "../status/status.ts";
import { DEMAND_GAUGES, demandCounters } from "./demand-metrics.ts";
import type { GatewayMetrics } from "./gateway-metrics.ts";
import { type Definition, each, exportCounter, exportGauge, host, labelsOf, PREFIX, WORKLOAD } from "./series.ts";

export interface AgentMetrics {
  readonly registry: Registry;
  /** Takes a new status. The series of a workload that is not in it are removed. */
  readonly observe: (status: AgentStatus) => void;
  readonly ticked: (seconds: number) => void;
}

const PRESSURE_LEVELS = { normal: 0, warning: 1, critical: 2 } as const;

const GAUGES: readonly Definition[] = [
  host(
    "system_memory_bytes",
    "Memory of the host that the agent counts on, in bytes.",
    ({ agent }) => agent.hostMemoryBytes,
  ),
  host(
    "system_memory_available_bytes",
    "Memory of the host that is available, in bytes.",
    ({ agent }) => agent.availableBytes,
  ),
  host(
    "memory_budget_bytes",
    "Memory that all models together may use, in bytes.",
    ({ agent }) => agent.allocatableBytes,
  ),
  host("managed_processes", "Number of llama-server processes that this agent manages.", ({ workloads }) =>
    count(workloads, hasProcess),
  ),
  host("admission_waiting", "Number of workloads that wait for memory.", ({ workloads }) =>
    count(workloads, ({ state }) => state === "Waiting"),
  ),
  host(
    "memory_pressure_level",
    "Memory pressure of the host: 0 normal, 1 warning, 2 critical.",
    ({ agent }) => agent.pressure && PRESSURE_LEVELS[agent.pressure],
  ),
  host(
    "manifest_problems",
    "Number of problems, such as manifests that cannot be read.",
    ({ agent }) => agent.problems.length,
  ),
  each("process_healthy", "Whether the llama-server process is ready (1) or not (0).", (workload) =>
    hasProcess(workload) ? Number(workload.state === "Ready") : undefined,
  ),
  each("memory_estimated_bytes", "Estimated memory of the workload, in bytes.", ({ estimateBytes }) => estimateBytes),
  each(
    "memory_projected_bytes",
    "Memory that llama-server projects before it loads the model, in bytes.",
    ({ projectedBytes }) => projectedBytes,
  ),
  each(
    "memory_projection_drift_ratio",
    "Difference between projection and estimate of the same parts, as a share of the estimate; 0.05 is 5 % more than estimated.",
    ({ projectionDrift }) => projectionDrift,
  ),
  each(
    "process_footprint_bytes",
    "Measured memory footprint of the llama-server process, in bytes.",
    ({ measuredBytes }) => measuredBytes,
  ),
  each("process_budget_bytes", "Memory budget of the workload, in bytes.", ({ budget }) => budget?.bytes),
  each("enforcement_unknown", "Whether the memory of the process cannot be measured (1) or can (0).", (workload) =>
    hasProcess(workload) ? Number(workload.enforcementUnknown === true) : undefined,
  ),
  {
    name: `${PREFIX}workload_state`,
    help: "State of the workload: 1 for the state it is in, 0 for every other.",
    labels: [...WORKLOAD, "state"],
    series: ({ workloads }) =>
      workloads.flatMap((workload) =>
        STATES.map((state) => [{ ...labelsOf(workload), state }, Number(state === workload.state)] as const),
      ),
  },
];

/**
 * @param version of this package
 * @param gateway what its requests came to; undefined without a gateway
 */
export function agentMetrics(version: string, gateway?: GatewayMetrics): AgentMetrics {
  const registry = new Registry();
  let status: AgentStatus | undefined;
  const stops = { BudgetExceeded: new Map<string, number>(), Evicted: new Map<string, number>() };
  const demand = demandCounters();
  const counters: readonly Definition[] = [
    each("process_restarts_total", "Restarts of the llama-server process.", ({ restarts }) => restarts),
    each(
      "budget_exceeded_total",
      "Times the llama-server process was stopped because it exceeded its budget.",
      ({ id }) => stops.BudgetExceeded.get(id) ?? 0,
    ),
    each(
      "evictions_total",
      "Times the llama-server process was evicted because of memory pressure.",
      ({ id }) => stops.Evicted.get(id) ?? 0,
    ),
    ...demand.definitions,
  ];
  for (const definition of [...GAUGES, ...DEMAND_GAUGES]) exportGauge(definition, registry, () => status);
  for (const definition of counters) exportCounter(definition, registry, () => status);
  gateway?.exportTo(registry);
  new Gauge({
    name: `${PREFIX}build_info`,
    help: "Versions of the agent and of Node.js; always 1.",
    labelNames: ["version", "node"],
    registers: [registry],
  }).set({ version, node: process.version }, 1);
  const ticks = new Histogram({
    name: `${PREFIX}tick_duration_seconds`,
    help: "Duration of one iteration of the reconcile loop, in seconds.",
    buckets: [0.001, 0.005, 0.025, 0.1, 0.5, 1, 2.5, 10],
    registers: [registry],
  });
  return {
    registry,
    observe: (next) => {
      for (const [reason, counts] of Object.entries(stops)) {
        countStops(counts, reason, status?.workloads ?? [], next.workloads);
      }
      demand.observe(next);
      gateway?.observe(next);
      status = next;
    },
    ticked: (seconds) => ticks.observe(seconds),
  };
}

function hasProcess({ pid }: WorkloadStatus): boolean {
  return pid !== undefined;
}

function count(workloads: readonly WorkloadStatus[], holds: (workload: WorkloadStatus) => boolean): number {
  return workloads.filter(holds).length;
}

/** Counts each stop once: at the first status that shows the workload as Draining for this reason. */
function countStops(
  counts: Map<string, number>,
  why: string,
  before: readonly WorkloadStatus[],
  after: readonly WorkloadStatus[],
): void {
  const stops = ({ state, reason }: WorkloadStatus) => state === "Draining" && reason === why;
  const stopping = new Set(before.filter(stops).map(({ id }) => id));
  for (const { id } of after.filter((workload) => stops(workload) && !stopping.has(workload.id))) {
    counts.set(id, (counts.get(id) ?? 0) + 1);
  }
  const left = new Set(after.map(({ id }) => id));
  for (const id of counts.keys()) if (!left.has(id)) counts.delete(id);
}
