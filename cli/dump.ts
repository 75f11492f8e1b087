import { Command } from "commander";
import type { StateFlags } from "./state-options.ts";

/** `pulumi-llmkube agent dump`: exit code 0, 1 where no agent runs, 2 where it cannot be asked. */
export function dumpCommand(): Command {
  return new Command("dump")
    .description(
      "Print what a running agent holds in memory, as JSON: for reports of faults. It contains no keys or tokens.",
    )
    .addHelpText(
      "after",
      `
Say which agent with --manifests, --node-name or --state, before or after dump; the default is the one that wrote its status last.
Exit codes: 0 it was printed, 1 no agent runs, 2 it does not answer.`,
    )
    .action(async (_flags: object, command: Command) => {
      const { dump } = await import("./dump-print.ts");
      await dump(command.parent?.opts<StateFlags>() ?? {});
    });
}
