import { Command, CommanderError } from "commander";
import { packageVersion } from "../agent/state/package.ts";
import { agentCommand } from "./agent.ts";
import { controllerCommand } from "./controller.ts";
import { deployCommand, destroyCommand, listCommand } from "./deploy/command.ts";
import { doctorCommand } from "./doctor/command.ts";
import { estimateCommand } from "./estimate.ts";
import { logsCommand } from "./logs.ts";
import { manifestsCommand } from "./manifests.ts";
import { hostsCommand, planCommand } from "./plan/command.ts";
import { statusCommand } from "./status.ts";
import { tryCommand } from "./try.ts";
import { expandHome } from "./typed-path.ts";

/** Bad flags and bad input, for every command; what else a command returns its `--help` says. */
const EXIT_BAD_INPUT = 2;

/** Runs the command line `argv` (as `process.argv`); sets `process.exitCode`, never throws. */
export async function main(argv: readonly string[]): Promise<void> {
  /** What commander says of the flags: it repeats what was typed, or pasted. */
  let complaints = "";
  const program = new Command("pulumi-llmkube")
    .description("Large language models on Apple silicon, each kept inside its memory budget.")
    .version(packageVersion())
    // By the console, to which a reader that went away (`--help | head`) is no fault.
    .configureOutput({
      writeOut: (text) => console.log(text.replace(/\n$/, "")),
      writeErr: (text) => {
        complaints += text;
      },
    })
    .showHelpAfterError("(see --help)")
    .showSuggestionAfterError();
  const commands = [
    estimateCommand(),
    agentCommand(),
    controllerCommand(),
    statusCommand(),
    logsCommand(),
    tryCommand(),
    doctorCommand(),
    deployCommand(),
    listCommand(),
    destroyCommand(),
    manifestsCommand(),
    planCommand(),
    hostsCommand(),
  ];
  for (const command of commands) {
    program.addCommand(command.copyInheritedSettings(program).exitOverride());
    for (const below of command.commands) below.copyInheritedSettings(command).exitOverride();
  }
  program.exitOverride();
  expandHome(program);
  let restore: () => void = () => {};
  // Not for a help, whose words are all our own.
  program.hook("preAction", async () => {
    const { plainConsole } = await import("./plain-console.ts");
    restore = plainConsole();
  });
  try {
    await program.parseAsync([...argv]);
  } catch (error) {
    if (complaints !== "") await complain(complaints);
    process.exitCode = report(error);
  } finally {
    restore();
  }
}

async function complain(complaints: string): Promise<void> {
  const { plainText } = await import("../api/plain-text.ts");
  console.error(plainText(complaints).replace(/\n$/, ""));
}

/** What was wrong with the flags has been said; anything else is said in one line. */
function report(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_BAD_INPUT;
  console.error(`pulumi-llmkube: ${error instanceof Error ? error.message : String(error)}`);
  return EXIT_BAD_INPUT;
}
