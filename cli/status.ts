import { Command, Option } from "commander";
import { stateOptions } from "./state-options.ts";
import type { StatusFlags } from "./status-show.ts";

/**
 * `pulumi-llmkube status`: exit code 0, 1 where no agent runs (its last status is still printed), 2 where none ever ran, 3 where one
 * runs and its main part is stuck. Where a watchdog goes on alone, its word counts for the servers.
 * With `--watch` it goes on until Ctrl-C, and ends with 0.
 */
export function statusCommand(): Command {
  const command = new Command("status")
    .description("Show what the agent runs: state, budget, estimated and measured memory, endpoint.")
    .option("--json", "print the status as JSON")
    .addOption(new Option("--watch", "update every second until Ctrl-C").conflicts("json"));
  for (const option of stateOptions()) command.addOption(option);
  command.addHelpText(
    "after",
    `
Exit codes:
  0  an agent runs, or --watch ended with Ctrl-C
  1  no agent runs; its last status is shown
  2  no agent ever ran
  3  the agent's main part has been stuck for 10 s or more`,
  );
  return command.action(async (flags: StatusFlags) => (await import("./status-show.ts")).show(flags));
}
