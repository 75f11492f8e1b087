import { Command, InvalidArgumentError, Option } from "commander";
import type { LogsFlags } from "./logs-print.ts";
import { stateOptions } from "./state-options.ts";

/**
 * `pulumi-llmkube logs NAME`: what its llama-server printed since it was started last, or in the start before that. Exit code 0, also
 * after Ctrl-C, or 2 where there is no such model, or no such log of it.
 */
export function logsCommand(): Command {
  const command = new Command("logs")
    .description("Print the log of a model's llama-server.")
    .argument("<name>", "InferenceService, as namespace/name, or its name alone if that is unique")
    .option("-f, --follow", "follow the log until Ctrl-C")
    .addOption(new Option("-p, --previous", "print the log of the start before the last one").conflicts("follow"))
    .option("--tail <lines>", "print only this many lines from the end (default: all)", parseLines);
  for (const option of stateOptions()) command.addOption(option);
  command.addHelpText("after", "\nExit codes: 0 it was printed, 2 there is no such model, or no such log of it.");
  return command.action(async (name: string, flags: LogsFlags) => (await import("./logs-print.ts")).print(name, flags));
}

function parseLines(text: string): number {
  const lines = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(lines)) return lines;
  throw new InvalidArgumentError("It must be a whole number of lines, for example 100.");
}
