import { Command } from "commander";
import type { ListFlags } from "./deploy/flags.ts";

/** `pulumi-llmkube list`. */
export function listCommand(): Command {
  return new Command("list")
    .description("List the models that deploy has deployed: source, budget, context, target and last update.")
    .option("--json", "print them as JSON")
    .addHelpText(
      "after",
      `
It shows what was deployed, not what runs: see pulumi-llmkube status.

Exit codes:
  0  they are listed; there may be none
  1  the stacks could not all be read
  2  no Pulumi CLI`,
    )
    .action(async (flags: ListFlags) => (await import("./deploy/list-run.ts")).run(flags));
}
