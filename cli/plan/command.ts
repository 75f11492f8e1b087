import { Command, Option } from "commander";
import { typedPath } from "../typed-path.ts";
import type { PlanFlags } from "./run.ts";

/** `pulumi-llmkube plan [FILE]`: what is on each Mac before and after a change that was previewed. */
export function planCommand(): Command {
  return new Command("plan")
    .description("Show what a preview makes of the Macs: the memory of each before and after, who stays out and why.")
    .argument("[file]", "what pulumi preview --json --show-sames printed; - is standard input", "-")
    .addOption(new Option("--hosts <file>", "the Macs, as pulumi-llmkube hosts export wrote them").argParser(typedPath))
    .addOption(new Option("--json", "print the picture as JSON").conflicts("markdown"))
    .option("--markdown", "print it for a comment on a pull request")
    .addOption(new Option("--svg <file>", "write it as one SVG too").argParser(typedPath))
    .addHelpText("after", "\nExit codes: 0 every replica has a Mac, 1 something stays out or is refused, 2 bad input.")
    .action(async (file: string, flags: PlanFlags) => (await import("./run.ts")).plan(file, flags));
}
