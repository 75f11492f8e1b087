import { Command, Option } from "commander";
import { DEFAULT_CLAIMS } from "../../agent/claims/default-folder.ts";
import { AGENTS, DEFAULT_MODELS } from "../../agent/state/paths.ts";
import { typedPath, typedProgram } from "../typed-path.ts";
import type { DoctorFlags } from "./run.ts";

/** `pulumi-llmkube doctor`: exit code 0, 1 where something would keep the agent from its promise. */
export function doctorCommand(): Command {
  return new Command("doctor")
    .description("Check what the agent needs on this machine, or what a fleet needs in a cluster, and suggest fixes.")
    .option("--llama-server <path>", "path of the llama-server binary", typedProgram, "llama-server")
    .option("--models <dir>", "folder for downloaded models", typedPath, DEFAULT_MODELS)
    .option("--state <dir>", "folder for the agents' own files", typedPath, AGENTS)
    .addOption(
      new Option("--claims <dir>", "folder where the agents of this machine say how much memory they hold")
        .argParser(typedPath)
        .env("PULUMI_LLMKUBE_CLAIMS")
        .default(DEFAULT_CLAIMS),
    )
    .option("--model <file>", "GGUF file to ask llama-server about (default: the smallest one in --models)", typedPath)
    .option("--cluster", "check a cluster, and nothing of this machine")
    .option("--kubeconfig <file>", "with --cluster: whom to ask as (default: KUBECONFIG, or ~/.kube/config)", typedPath)
    .option("--context <name>", "with --cluster: context of the kubeconfig (default: its current-context)")
    .option("--namespace <name>", "with --cluster: namespace of the controller (default: pulumi-llmkube)")
    .option("--json", "print the checks as JSON")
    .addHelpText(
      "after",
      `
Exit codes:
  0    no check failed (there may be warnings)
  1    a check failed
  2    there is no kubeconfig to ask a cluster with
  130  interrupted: what was checked until then is printed`,
    )
    .action(async (flags: DoctorFlags) => (await import("./run.ts")).run(flags));
}
