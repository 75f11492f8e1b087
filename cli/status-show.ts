import { clearScreenDown, cursorTo } from "node:readline";
import type { AgentStatus, WorkloadStatus } from "../agent/status/status.ts";
import { readStatus } from "../agent/status/status-file.ts";
import { plainJson, plainText } from "../api/plain-text.ts";
import { formatBytes } from "../api/quantity.ts";
import { borderlessTable } from "./borderless-table.ts";
import { pause, untilInterrupted } from "./interrupt.ts";
import { stateFolder } from "./state-folder.ts";
import type { StateFlags } from "./state-options.ts";
import { type StatusNow, statusNow } from "./status-liveness.ts";

export interface StatusFlags extends StateFlags {
  readonly json?: boolean;
  readonly watch?: boolean;
}

const EXIT_NO_AGENT = 1;
const EXIT_NO_STATE = 2;
const EXIT_STUCK = 3;
const WATCH_MS = 1000;

/** Prints the last status, once or until Ctrl-C; sets the exit code. */
export async function show(flags: StatusFlags): Promise<void> {
  const folder = await stateFolder(flags);
  const written = await readStatus(folder);
  if (!written.ok) {
    console.error(`pulumi-llmkube: ${written.error}`);
    process.exitCode = EXIT_NO_STATE;
    return;
  }
  if (flags.watch) return untilInterrupted((stop) => watch(folder, stop));
  const { status, liveness, trouble } = await statusNow(folder, written.value);
  console.log(flags.json ? plainJson(status) : statusText(status));
  if (trouble === undefined) return;
  console.error(`pulumi-llmkube: ${trouble}`);
  process.exitCode = liveness.is === "stuck" ? EXIT_STUCK : EXIT_NO_AGENT;
}

/** On a terminal one screen that is drawn over and over; elsewhere, what is new, with a blank line before it. */
async function watch(folder: string, stop: AbortSignal): Promise<void> {
  let shown: string | undefined;
  while (!stop.aborted) {
    const written = await readStatus(folder);
    const text = written.ok ? liveText(await statusNow(folder, written.value)) : written.error;
    // For how long the agent has been stuck is no news.
    const news = text.replace(/stuck for \d+ s/, "stuck");
    if (process.stdout.isTTY) redraw(text);
    else if (news !== shown) console.log(shown === undefined ? text : `\n${text}`);
    shown = news;
    await pause(WATCH_MS, stop);
  }
}

function liveText({ status, trouble }: StatusNow): string {
  const text = statusText(status);
  return trouble === undefined ? text : `${trouble}\n${text}`;
}

function redraw(text: string): void {
  cursorTo(process.stdout, 0, 0);
  clearScreenDown(process.stdout);
  // More lines than the terminal has would scroll, and each second leave another copy behind.
  const lines = plainText(text)
    .split("\n")
    .slice(0, process.stdout.rows - 1);
  process.stdout.write(`${lines.join("\n")}\n`);
}

/** The table, and under it a line for each workload that is not Ready and for each note and problem. */
export function statusText({ agent, workloads }: AgentStatus): string {
  const table = borderlessTable({ head: ["MODEL", "STATE", "BUDGET", "ESTIMATE", "MEASURED", "ENDPOINT"] });
  for (const workload of workloads) table.push(row(workload));
  const used = workloads.reduce((sum, { measuredBytes }) => sum + (measuredBytes ?? 0), 0);
  const [measured, allocatable, host] = [used, agent.allocatableBytes, agent.hostMemoryBytes].map(formatBytes);
  return [
    workloads.length === 0 ? "No models." : table.toString(),
    ...workloads.flatMap(explanations),
    ...agent.problems,
    ...agent.notes.map((note) => `note: ${note}`),
    `${measured} measured of ${allocatable} for models, ${host} of memory (${agent.backend})`,
    ...(agent.pageUrl === undefined ? [] : [`status page: ${agent.pageUrl}`]),
  ].join("\n");
}

function row({ name, state, budget, estimateBytes, measuredBytes, endpoint }: WorkloadStatus): string[] {
  const limit = budget === undefined ? "-" : `${formatBytes(budget.bytes)} (${budget.source})`;
  return [name, state, limit, amount(estimateBytes), amount(measuredBytes), endpoint ?? "-"];
}

function amount(bytes: number | undefined): string {
  return bytes === undefined ? "-" : formatBytes(bytes);
}

function explanations({ name, state, reason, message, notes }: WorkloadStatus): readonly string[] {
  const why = [reason, message].filter((part) => part !== undefined).join(": ");
  const lines = state === "Ready" || why === "" ? [] : [`${name}: ${why}`];
  return [...lines, ...notes.map((note) => `${name}: ${note}`)];
}
