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
