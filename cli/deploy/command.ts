import { Command } from "commander";
import { type DeployFlags, withDeployOptions } from "./flags.ts";

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
