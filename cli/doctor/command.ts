import { resolve } from "node:path";
import { Command } from "commander";
import { AGENTS, DEFAULT_MODELS } from "../../agent/state/paths.ts";
import type { DoctorFlags } from "./run.ts";

/** `pulumi-llmkube doctor`: exit code 0, 1 where something would keep the agent from its promise. */
export function doctorCommand(): Command {
  return new Command("doctor")
    .description("Check what the agent needs on this machine, and suggest fixes.")
    .option("--llama-server <path>", "path of the llama-server binary", "llama-server")
    .option("--models <dir>", "folder for downloaded models", (path) => resolve(path), DEFAULT_MODELS)
    .option("--state <dir>", "folder for the agents' own files", (path) => resolve(path), AGENTS)
    .option("--json", "print the checks as JSON")
    .addHelpText("after", "\nExit codes: 0 no check failed (there may be warnings), 1 a check failed.")
    .action(async (flags: DoctorFlags) => (await import("./run.ts")).run(flags));
}
