import { resolve } from "node:path";
import { Command } from "commander";
import { AGENTS, DEFAULT_MODELS } from "../../agent/state/paths.ts";
import { borderlessTable, printed } from "../borderless-table.ts";
import { withProgress } from "../progress.ts";
import { type Check, diagnose } from "./checks.ts";

interface Flags {
  readonly llamaServer: string;
  readonly models: string;
  readonly state: string;
  readonly json?: boolean;
}

/** `pulumi-llmkube doctor`: exit code 0, 1 where something would keep the agent from its promise. */
export function doctorCommand(): Command {
  return new Command("doctor")
    .description("Look at all that the agent needs on this machine, and say what to do about what is missing.")
    .option("--llama-server <path>", "the binary to run", "llama-server")
    .option("--models <dir>", "folder for downloaded models", (path) => resolve(path), DEFAULT_MODELS)
    .option("--state <dir>", "folder for the agents' own files", (path) => resolve(path), AGENTS)
    .option("--json", "print the checks as JSON")
    .addHelpText("after", "\nExit codes: 0 all well, or warnings only; 1 something has failed.")
    .action(run);
}

async function run({ json, ...flags }: Flags): Promise<void> {
  const checks = await withProgress("looking at this machine", diagnose({ ...flags, system: process.platform }));
  console.log(json ? JSON.stringify(checks, null, 2) : doctorText(checks));
  if (checks.some(({ state }) => state === "failed")) process.exitCode = 1;
}

const MARKS: Readonly<Record<Check["state"], string>> = { ok: "✓", warning: "!", failed: "✗", skipped: "-" };

/** A line a check, and below it what can be done. */
export function doctorText(checks: readonly Check[]): string {
  const table = borderlessTable();
  for (const { name, state, found, remedy } of checks) {
    table.push([MARKS[state], name, found]);
    if (remedy !== undefined) table.push(["", "", `→ ${remedy}`]);
  }
  return printed(table);
}
