import { Counter, Gauge, type Registry } from "@prometheus-io/client";
import type { AgentStatus, WorkloadStatus } from "../status/status.ts";

/** Names are LLMKube's where it has one for the same thing, so that its dashboards and alerts read this agent too. */
export const PREFIX = "llmkube_metal_agent_";

export type Series = readonly (readonly [labels: Readonly<Record<string, string>>, value: number])[];
export type Labels = readonly string[];

const HOST: Labels = [];
/** `uid` only where the name alone does not tell: two pods of one service, the old and the new. */
export const WORKLOAD: Labels = ["name", "namespace", "uid"];

/** A number that is not known has no series; it is never shown as 0. */
export interface Definition {
  readonly name: string;
  readonly help: string;
  readonly labels: Labels;
  readonly series: (status: AgentStatus) => Series;
}

type Read = () => AgentStatus | undefined;

export function exportGauge({ name, help, labels, series }: Definition, registry: Registry, read: Read): void {
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

export function exportCounter({ name, help, labels, series }: Definition, registry: Registry, read: Read): void {
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

export function host(name: string, help: string, value: (status: AgentStatus) => number | undefined): Definition {
  const series = (status: AgentStatus): Series => known([[{}, value(status)]]);
  return { name: PREFIX + name, help, labels: HOST, series };
}

export function each(name: string, help: string, value: (workload: WorkloadStatus) => number | undefined): Definition {
  const series = ({ workloads }: AgentStatus): Series =>
    known(workloads.map((workload) => [labelsOf(workload), value(workload)] as const));
  return { name: PREFIX + name, help, labels: WORKLOAD, series };
}

export function known(
  series: readonly (readonly [labels: Readonly<Record<string, string>>, value: number | undefined])[],
): Series {
  return series.flatMap(([labels, value]) => (value === undefined ? [] : [[labels, value] as const]));
}

/** Namespace and name: two namespaces may each have a workload of one name. */
export function labelsOf({ id, name: both }: WorkloadStatus): Readonly<Record<string, string>> {
  const [namespace = "", name = ""] = both.split("/");
  return id === both ? { namespace, name } : { namespace, name, uid: id };
}
