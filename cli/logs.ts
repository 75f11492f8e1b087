import { Command, InvalidArgumentError } from "commander";
import type { LogsFlags } from "./logs-print.ts";
import { stateOptions } from "./state-folder.ts";

/** `pulumi-llmkube logs NAME`: what its llama-server printed since it was started last. Exit code 2 for a name nobody knows. */
export function logsCommand(): Command {
  const command = new Command("logs")
    .description("Print what a model's llama-server printed.")
    .argument("<name>", "the InferenceService, as namespace/name, or its name alone where that says enough")
    .option("-f, --follow", "go on with what it prints, until Ctrl-C")
    .option("--tail <lines>", "only so many lines from the end; all of them by default", parseLines);
  for (const option of stateOptions()) command.addOption(option);
  return command.action(async (name: string, flags: LogsFlags) => (await import("./logs-print.ts")).print(name, flags));
}

function parseLines(text: string): number {
  const lines = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(lines)) return lines;
  throw new InvalidArgumentError("It must be a whole number of lines, for example 100.");
}
