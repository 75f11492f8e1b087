import { readdir, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import Table from "cli-table3";
import { Command, Option } from "commander";
import { isLocked } from "../agent/lock.ts";
import { AGENTS, defaultState } from "../agent/paths.ts";
import { type AgentStatus, readStatus, type WorkloadStatus } from "../agent/status-file.ts";
import { formatBytes } from "../memory/quantity.ts";

interface Flags {
  readonly manifests?: string;
  readonly state?: string;
  readonly json?: boolean;
}

const EXIT_NO_AGENT = 1;
const EXIT_NO_STATE = 2;

/** `pulumi-llmkube status`: exit code 0, 1 where no agent runs (its last status is still printed), 2 where none ever ran. */
export function statusCommand(): Command {
  return new Command("status")
    .description("Show what the agent runs: state, budget, estimated and measured memory, endpoint.")
    .addOption(new Option("--manifests <dir>", "folder that the agent watches").argParser((path) => resolve(path)))
    .addOption(
      new Option("--state <dir>", "state folder of the agent")
        .argParser((path) => resolve(path))
        .conflicts("manifests"),
    )
    .option("--json", "print the whole status as JSON")
    .action(show);
}

async function show(flags: Flags): Promise<void> {
  const folder = flags.state ?? (flags.manifests === undefined ? await latestState() : defaultState(flags.manifests));
  const status = await readStatus(folder);
  if (!status.ok) {
    console.error(`pulumi-llmkube: ${status.error}`);
    process.exitCode = EXIT_NO_STATE;
    return;
  }
  console.log(flags.json ? JSON.stringify(status.value, null, 2) : statusText(status.value));
  if (await isLocked(folder)) return;
  console.error(`pulumi-llmkube: no agent runs; this was its state at ${status.value.agent.updatedAt}`);
  process.exitCode = EXIT_NO_AGENT;
}

/** The state folder that was written last. */
async function latestState(): Promise<string> {
  const names = await readdir(AGENTS).catch(() => []);
  const folders = names.map((name) => join(AGENTS, name));
  const times = await Promise.all(folders.map((folder) => stat(join(folder, "status.json")).catch(() => undefined)));
  const byTime = folders
    .map((folder, index) => ({ folder, at: times[index]?.mtimeMs ?? 0 }))
    .sort((a, b) => b.at - a.at);
  return byTime[0]?.folder ?? AGENTS;
}

/** The table, and under it a line for each workload that is not Ready and for each note and problem. */
export function statusText({ agent, workloads }: AgentStatus): string {
  const table = new Table({
    head: ["MODEL", "STATE", "BUDGET", "ESTIMATE", "MEASURED", "ENDPOINT"],
    chars: BARE,
    style: { head: [], border: [], "padding-left": 0, "padding-right": 2 },
  });
  for (const workload of workloads) table.push(row(workload));
  const used = workloads.reduce((sum, { measuredBytes }) => sum + (measuredBytes ?? 0), 0);
  const [measured, allocatable, host] = [used, agent.allocatableBytes, agent.hostMemoryBytes].map(formatBytes);
  return [
    workloads.length === 0 ? "No models." : table.toString(),
    ...workloads.flatMap(explanations),
    ...agent.problems,
    `${measured} measured of ${allocatable} for models, ${host} of memory (${agent.backend})`,
  ].join("\n");
}

const BARE = Object.fromEntries(
  ["top", "bottom", "left", "right", "mid"]
    .flatMap((edge) => [edge, `${edge}-mid`, `${edge}-left`, `${edge}-right`])
    .concat("middle")
    .map((part) => [part, ""]),
);

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
