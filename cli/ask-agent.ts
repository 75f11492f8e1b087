import { Command } from "commander";
import type { StateFlags } from "./state-options.ts";

/** `pulumi-llmkube agent allow NAME`: exit code 0, or 2 where no such model is held back. */
export function allowCommand(): Command {
  return new Command("allow")
    .description(
      "Let a model start that is held back since this Mac panicked, or since macOS ended it for want of memory.",
    )
    .argument("<name>", "InferenceService, as namespace/name, or its name alone if that is unique")
    .addHelpText(
      "after",
      `
Say which agent with --manifests, --node-name or --state, before or after allow; the default is the one that wrote its status last.
A model whose settings or memory budget are changed starts without it.
Exit codes: 0 it may start, 2 it is not held back.`,
    )
    .action(async (name: string, _flags: object, command: Command) => {
      const { allow } = await import("./allow-release.ts");
      await allow(name, command.parent?.opts<StateFlags>() ?? {});
    });
}

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
