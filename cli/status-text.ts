import type { AgentStatus, Unload, WorkloadStatus } from "../agent/status/status.ts";
import { formatAgo } from "../api/duration.ts";
import { formatBytes } from "../api/quantity.ts";
import { borderlessTable } from "./borderless-table.ts";

interface Column {
  readonly head: string;
  readonly cell: (workload: WorkloadStatus) => string;
}

const MEMORY: readonly Column[] = [
  { head: "MODEL", cell: ({ name }) => name },
  { head: "STATE", cell: ({ state }) => state },
  { head: "BUDGET", cell: ({ budget }) => (budget ? `${formatBytes(budget.bytes)} (${budget.source})` : NONE) },
  { head: "ESTIMATE", cell: ({ estimateBytes }) => amount(estimateBytes) },
  { head: "MEASURED", cell: ({ measuredBytes }) => amount(measuredBytes) },
];
const ENDPOINT: Column = { head: "ENDPOINT", cell: ({ endpoint }) => endpoint ?? NONE };
const NONE = "-";

/** Of the last unloads, as many as one screen has room for beside the rest. */
const MOST_UNLOADS = 5;

/**
 * The table, and under it a line for each workload that is not Ready and for each note and problem. Where there is a gateway, also what
 * is asked of each model, and which were unloaded last.
 *
 * @param now milliseconds since 1970
 */
export function statusText({ agent, workloads }: AgentStatus, now: number): string {
  const columns = [...MEMORY, ...(agent.gatewayUrl === undefined ? [] : demandColumns(now)), ENDPOINT];
  const table = borderlessTable({ head: columns.map(({ head }) => head) });
  for (const workload of workloads) table.push(columns.map(({ cell }) => cell(workload)));
  const used = workloads.reduce((sum, { measuredBytes }) => sum + (measuredBytes ?? 0), 0);
  const [measured, allocatable, host] = [used, agent.allocatableBytes, agent.hostMemoryBytes].map(formatBytes);
  return [
    workloads.length === 0 ? "No models." : table.toString(),
    ...workloads.flatMap(explanations),
    ...(agent.unloads ?? []).slice(0, MOST_UNLOADS).map((unload) => unloadLine(unload, now)),
    ...agent.problems,
    ...agent.notes.map((note) => `note: ${note}`),
    `${measured} measured of ${allocatable} for models, ${host} of memory (${agent.backend})`,
    ...(agent.gatewayUrl === undefined ? [] : [`gateway: ${agent.gatewayUrl}`]),
    ...(agent.pageUrl === undefined ? [] : [`status page: ${agent.pageUrl}`]),
  ].join("\n");
}

/** What two texts have in common of which the later one is no news: for how long, how long ago, and the widths that follow from it. */
export function newsOf(text: string): string {
  return text
    .replace(/stuck for \d+ s/, "stuck")
    .replaceAll(/\d+[smhd] ago/g, "ago")
    .replaceAll(/ +/g, " ");
}

function demandColumns(now: number): readonly Column[] {
  const ago = (at: string | undefined) => (at === undefined ? NONE : formatAgo(now - Date.parse(at)));
  return [
    { head: "IN FLIGHT", cell: ({ demand }) => String(demand?.inFlight ?? NONE) },
    { head: "WAITING", cell: ({ demand }) => String(demand?.waiting ?? NONE) },
    { head: "LAST USED", cell: ({ demand }) => ago(demand?.lastUsedAt) },
  ];
}

function unloadLine({ at, name, reason, message }: Unload, now: number): string {
  return `${name}: unloaded ${formatAgo(now - Date.parse(at))}: ${reason}: ${message}`;
}

function amount(bytes: number | undefined): string {
  return bytes === undefined ? NONE : formatBytes(bytes);
}

function explanations({ name, state, reason, message, notes }: WorkloadStatus): readonly string[] {
  const why = [reason, message].filter((part) => part !== undefined).join(": ");
  const lines = state === "Ready" || why === "" ? [] : [`${name}: ${why}`];
  return [...lines, ...notes.map((note) => `${name}: ${note}`)];
}
