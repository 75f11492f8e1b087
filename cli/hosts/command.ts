import { Command, Option } from "commander";
import { stateOptions } from "../state-options.ts";
import { typedPath } from "../typed-path.ts";
import type { ExportFlags } from "./run.ts";

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
    .action(async (flags: ExportFlags) => (await import("./run.ts")).exportHosts(flags));
  return new Command("hosts").description("What is known of the Macs.").addCommand(command);
}
