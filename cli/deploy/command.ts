import { Command } from "commander";
import {
  type DeployFlags,
  type DestroyFlags,
  type ListFlags,
  withDeployOptions,
  withMannerOptions,
  withTargetOptions,
} from "./flags.ts";

/** `pulumi-llmkube deploy NAME`. */
export function deployCommand(): Command {
  const command = new Command("deploy")
    .description(
      "Deploy one model with Pulumi, checked by the policies, to the folder of the agent on this machine or to a cluster. It shows what would change, and asks.",
    )
    .argument("<name>", "name of the model: lower case letters, digits, - and .");
  return withDeployOptions(command)
    .addHelpText(
      "after",
      `
Examples:
  pulumi-llmkube deploy gemma --source hf://ggml-org/gemma-3-270m-GGUF/gemma-3-270m-Q8_0.gguf --memory-budget 1Gi
  pulumi-llmkube deploy gemma --source ./gemma.gguf --memory-fraction 0.5 --context-size 8192 --wait --yes
  pulumi-llmkube deploy gemma --source ./gemma.gguf --emit ts > index.ts

Exit codes:
  0    it is deployed, or was already; with --wait it is Ready
  1    a policy refused it, Pulumi failed, or it did not become Ready
  2    bad flags, no Pulumi CLI, or no terminal to ask on and no --yes
  130  interrupted`,
    )
    .action(async (name: string, flags: DeployFlags) => (await import("./run.ts")).run(name, flags));
}

/** `pulumi-llmkube list`. */
export function listCommand(): Command {
  return new Command("list")
    .description("List the models that deploy has deployed: source, budget, context, target and last update.")
    .option("--json", "print them as JSON")
    .addHelpText(
      "after",
      `
It shows what was deployed, not what runs: see pulumi-llmkube status.

Exit codes:
  0  they are listed; there may be none
  1  the stacks could not all be read
  2  no Pulumi CLI`,
    )
    .action(async (flags: ListFlags) => (await import("./list-run.ts")).run(flags));
}

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
    .action(async (name: string, flags: DestroyFlags) => (await import("./destroy-run.ts")).run(name, flags));
}
