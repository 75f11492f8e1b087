import { Counter, Gauge, Histogram, Registry } from "@prometheus-io/client";
import { type AgentStatus, STATES, type WorkloadStatus } from "../status/status.ts";

/** Names are LLMKube's where it has one for the same thing, so that its dashboards and alerts read this agent too. */
const PREFIX = "llmkube_metal_agent_";

export interface AgentMetrics {
  readonly registry: Registry;
  /** Takes a new status. The series of a workload that is not in it are removed. */
  readonly observe: (status: AgentStatus) => void;
  readonly ticked: (seconds: number) => void;
}

type Series = readonly (readonly [labels: Readonly<Record<string, string>>, value: number])[];
type Labels = readonly string[];

const HOST: Labels = [];
/** `uid` only where the name alone does not tell: two pods of one service, the old and the new. */
const WORKLOAD: Labels = ["name", "namespace", "uid"];

/** A number that is not known has no series; it is never shown as 0. */
interface Definition {
  readonly name: string;
  readonly help: string;
  readonly labels: Labels;
  readonly series: (status: AgentStatus) => Series;
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

/** @param version of this package */
export function agentMetrics(version: string): AgentMetrics {
  const registry = new Registry();
  let status: AgentStatus | undefined;
  const stops = { BudgetExceeded: new Map<string, number>(), Evicted: new Map<string, number>() };
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
  ];
  for (const definition of GAUGES) exportGauge(definition, registry, () => status);
  for (const definition of counters) exportCounter(definition, registry, () => status);
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
      status = next;
    },
    ticked: (seconds) => ticks.observe(seconds),
  };
}

type Read = () => AgentStatus | undefined;

function exportGauge({ name, help, labels, series }: Definition, registry: Registry, read: Read): void {
  const gauge = new Gauge({
    name,
    help,
    labelNames: labels,
    registers: [registry],
    collect() {
      this.reset();
      // A reset leaves a metric without labels at 0.
      if (labels.length === 0) this.remove();
      for (const [values, value] of seriesOf(series, read)) this.set(values, value);
    },
  });
  if (labels.length === 0) gauge.remove();
}

function exportCounter({ name, help, labels, series }: Definition, registry: Registry, read: Read): void {
  new Counter({
    name,
    help,
    labelNames: labels,
    registers: [registry],
    collect() {
      this.reset();
      for (const [values, value] of seriesOf(series, read)) this.inc(values, value);
    },
  });
}

function seriesOf(series: Definition["series"], read: Read): Series {
  const status = read();
  return status === undefined ? [] : series(status);
}

function host(name: string, help: string, value: (status: AgentStatus) => number | undefined): Definition {
  const series = (status: AgentStatus): Series => known([[{}, value(status)]]);
  return { name: PREFIX + name, help, labels: HOST, series };
}

function each(name: string, help: string, value: (workload: WorkloadStatus) => number | undefined): Definition {
  const series = ({ workloads }: AgentStatus): Series =>
    known(workloads.map((workload) => [labelsOf(workload), value(workload)] as const));
  return { name: PREFIX + name, help, labels: WORKLOAD, series };
}

function known(
  series: readonly (readonly [labels: Readonly<Record<string, string>>, value: number | undefined])[],
): Series {
  return series.flatMap(([labels, value]) => (value === undefined ? [] : [[labels, value] as const]));
}

/** Namespace and name: two namespaces may each have a workload of one name. */
function labelsOf({ id, name: both }: WorkloadStatus): Readonly<Record<string, string>> {
  const [namespace = "", name = ""] = both.split("/");
  return id === both ? { namespace, name } : { namespace, name, uid: id };
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
