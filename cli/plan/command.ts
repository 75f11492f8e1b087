import { Command, Option } from "commander";
import type { ExportFlags } from "../hosts/run.ts";
import { stateOptions } from "../state-options.ts";
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

/** `pulumi-llmkube hosts export`: the Macs as a file for previews, which never ask a cluster or an agent. */
export function hostsCommand(): Command {
  const command = new Command("export").description(
    "Write the Macs, what they have for models and what runs there: of the agent on this machine, or of a cluster's nodes.",
  );
  for (const option of stateOptions()) command.addOption(option);
  command
    .addOption(
      new Option("--kubeconfig <file>", "the Macs that are nodes of this cluster")
        .argParser(typedPath)
        .conflicts(["manifests", "nodeName", "state", "name"]),
    )
    .option("--context <name>", "context of the kubeconfig (default: its current one)")
    .option("--name <name>", "name of this Mac in the file (default: its host name)")
    .option("--no-models", "without what runs there now")
    .addOption(new Option("--out <file>", "write there instead of printing").argParser(typedPath))
    .option("--json", "print the file where it is written to --out too")
    .addHelpText("after", "\nExit codes: 0 written, 2 bad input, no agent, or no right to list nodes.")
    .action(async (flags: ExportFlags) => (await import("../hosts/run.ts")).exportHosts(flags));
  return new Command("hosts").description("What is known of the Macs.").addCommand(command);
}
