import { Command } from "commander";
import { type DestroyFlags, withMannerOptions, withTargetOptions } from "./deploy/flags.ts";

/** `pulumi-llmkube destroy NAME`. */
export function destroyCommand(): Command {
  const command = new Command("destroy")
    .description("Remove a model that deploy has deployed. It shows what would go, and asks.")
    .argument("<name>", "name of the model");
  return withMannerOptions(withTargetOptions(command))
    .option("--preview", "show what would go, and change nothing")
    .addHelpText(
      "after",
      `
The target is needed only where models of this name are deployed to several.

Exit codes:
  0    it is gone
  1    Pulumi failed, or you said no
  2    no such deployment, no Pulumi CLI, or no terminal to ask on and no --yes
  130  interrupted`,
    )
    .action(async (name: string, flags: DestroyFlags) => (await import("./deploy/destroy-run.ts")).run(name, flags));
}
