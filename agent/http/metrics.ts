import { Counter, Gauge, Histogram, Registry } from "@prometheus-io/client";
import { type AgentStatus, STATES, type WorkloadStatus } from "../status/status.ts";

/** Names are LLMKube's where it has one for the same thing, so that its dashboards and alerts read this agent too. */
const PREFIX = "llmkube_metal_agent_";

export interface AgentMetrics {
  readonly registry: Registry;
  /** Takes a new status; every series of a workload that is not in it is gone (T18). */
  readonly observe: (status: AgentStatus) => void;
  readonly ticked: (seconds: number) => void;
}

type Series = readonly (readonly [labels: Readonly<Record<string, string>>, value: number])[];
type Labels = readonly string[];

const HOST: Labels = [];
const WORKLOAD: Labels = ["name", "namespace"];

/** An unknown number is no series, never 0 (T8). */
interface Definition {
  readonly name: string;
  readonly help: string;
  readonly labels: Labels;
  readonly series: (status: AgentStatus) => Series;
}

const PRESSURE_LEVELS = { normal: 0, warning: 1, critical: 2 } as const;

const GAUGES: readonly Definition[] = [
  host("system_memory_bytes", "Physical memory that is counted on.", ({ agent }) => agent.hostMemoryBytes),
  host("system_memory_available_bytes", "Available system memory.", ({ agent }) => agent.availableBytes),
  host("memory_budget_bytes", "What all models together may use.", ({ agent }) => agent.allocatableBytes),
  host("managed_processes", "llama-server processes of this agent.", ({ workloads }) => count(workloads, hasProcess)),
  host("admission_waiting", "Workloads that wait for memory others hold.", ({ workloads }) =>
    count(workloads, ({ state }) => state === "Waiting"),
  ),
  host(
    "memory_pressure_level",
    "Memory pressure of the machine: 0 normal, 1 warning, 2 critical.",
    ({ agent }) => agent.pressure && PRESSURE_LEVELS[agent.pressure],
  ),
  host("manifest_problems", "Manifests that cannot be used, and other problems.", ({ agent }) => agent.problems.length),
  each("process_healthy", "Whether a running process is ready to answer (1) or not (0).", (workload) =>
    hasProcess(workload) ? Number(workload.state === "Ready") : undefined,
  ),
  each("memory_estimated_bytes", "Estimated memory of a workload.", ({ estimateBytes }) => estimateBytes),
  each(
    "memory_projected_bytes",
    "What llama-server itself said it would reserve.",
    ({ projectedBytes }) => projectedBytes,
  ),
  each("process_footprint_bytes", "Memory that a process is charged for.", ({ measuredBytes }) => measuredBytes),
  each("process_budget_bytes", "The budget that a process is held to.", ({ budget }) => budget?.bytes),
  each("enforcement_unknown", "Whether a running process cannot be measured (1).", (workload) =>
    hasProcess(workload) ? Number(workload.enforcementUnknown === true) : undefined,
  ),
  {
    name: `${PREFIX}workload_state`,
    help: "1 for the state that a workload is in, 0 for every other.",
    labels: [...WORKLOAD, "state"],
    series: ({ workloads }) =>
      workloads.flatMap((workload) =>
        STATES.map((state) => [{ ...labelsOf(workload.name), state }, Number(state === workload.state)] as const),
      ),
  },
];

/** @param version of this package */
export function agentMetrics(version: string): AgentMetrics {
  const registry = new Registry();
  let status: AgentStatus | undefined;
  const stops = { BudgetExceeded: new Map<string, number>(), Evicted: new Map<string, number>() };
  const counters: readonly Definition[] = [
    each("process_restarts_total", "Starts of a process after the first one.", ({ restarts }) => restarts),
    each(
      "budget_exceeded_total",
      "Stops of a process over its budget.",
      ({ name }) => stops.BudgetExceeded.get(name) ?? 0,
    ),
    each("evictions_total", "Stops of a process for want of memory.", ({ name }) => stops.Evicted.get(name) ?? 0),
  ];
  for (const definition of GAUGES) exportGauge(definition, registry, () => status);
  for (const definition of counters) exportCounter(definition, registry, () => status);
  new Gauge({
    name: `${PREFIX}build_info`,
    help: "Always 1; the version of the agent and of its Node.js.",
    labelNames: ["version", "node"],
    registers: [registry],
  }).set({ version, node: process.version }, 1);
  const ticks = new Histogram({
    name: `${PREFIX}tick_duration_seconds`,
    help: "One round of looking, deciding and acting.",
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
    known(workloads.map((workload) => [labelsOf(workload.name), value(workload)] as const));
  return { name: PREFIX + name, help, labels: WORKLOAD, series };
}

function known(
  series: readonly (readonly [labels: Readonly<Record<string, string>>, value: number | undefined])[],
): Series {
  return series.flatMap(([labels, value]) => (value === undefined ? [] : [[labels, value] as const]));
}

/** Both halves of `namespace/name`: a name alone is not one workload (T9). */
function labelsOf(workload: string): Readonly<Record<string, string>> {
  const [namespace = "", name = ""] = workload.split("/");
  return { namespace, name };
}

function hasProcess({ pid }: WorkloadStatus): boolean {
  return pid !== undefined;
}

function count(workloads: readonly WorkloadStatus[], holds: (workload: WorkloadStatus) => boolean): number {
  return workloads.filter(holds).length;
}

/** A stop shows as Draining from the tick that decides on it. */
function countStops(
  counts: Map<string, number>,
  why: string,
  before: readonly WorkloadStatus[],
  after: readonly WorkloadStatus[],
): void {
  const stops = ({ state, reason }: WorkloadStatus) => state === "Draining" && reason === why;
  const stopping = new Set(before.filter(stops).map(({ name }) => name));
  for (const { name } of after.filter((workload) => stops(workload) && !stopping.has(workload.name))) {
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  const left = new Set(after.map(({ name }) => name));
  for (const name of counts.keys()) if (!left.has(name)) counts.delete(name);
}
