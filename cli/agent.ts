import { resolve } from "node:path";
import { Command, InvalidArgumentError, Option } from "commander";
import { DEFAULT_LISTEN, type ListenAddress, parseListen } from "../agent/http/listen.ts";
import { DEFAULT_MODELS } from "../agent/state/paths.ts";
import type { LogLevel } from "../agent/status/log.ts";
import { parseQuantity } from "../api/quantity.ts";
import type { AgentFlags } from "./agent-run.ts";
import { installCommands } from "./install.ts";

/** Most first. Typed as the log's own levels, which would load the logger. */
const LOG_LEVELS: readonly LogLevel[] = ["trace", "debug", "info", "warn", "error", "silent"];

/** `pulumi-llmkube agent`: exit code 0 after a signal, 2 where it cannot begin, 130 after a second signal. */
export function agentCommand(): Command {
  const command = new Command("agent")
    .description("Serve the manifests of a folder with llama-server, each model inside its memory budget.")
    .option("--manifests <dir>", "folder that renderYamlToDirectory writes; always needed", resolvePath)
    .option("--memory-fraction <f>", "share of memory for models, above 0 and at most 1", parseFraction)
    .option("--host-memory <quantity>", "count on less memory than the machine has, for example 16Gi", parseBytes)
    .option("--models <dir>", "folder for downloaded models", resolvePath, DEFAULT_MODELS)
    .option("--models-max <quantity>", "above it unused downloads are removed, oldest first; default: none", parseBytes)
    .option("--state <dir>", "folder for the agent's own files; by default one for each --manifests", resolvePath)
    .option("--llama-server <path>", "the binary to run", "llama-server")
    .addOption(
      new Option("--listen <host:port>", "loopback address of the status page and the metrics, or off")
        .argParser(parseAddress)
        .default(parseAddress(DEFAULT_LISTEN), DEFAULT_LISTEN),
    )
    .option("--api-key-file <file>", "keys that requests to the models must have one of, one a line", resolvePath)
    .option("--json", "log JSON lines")
    .addOption(
      new Option("--log-level <level>", "least severe message that is logged").choices(LOG_LEVELS).default("info"),
    )
    .action(async (flags: AgentFlags) => (await import("./agent-run.ts")).run(flags));
  for (const install of installCommands()) command.addCommand(install);
  return command;
}

function resolvePath(path: string): string {
  return resolve(path);
}

function parseAddress(text: string): ListenAddress | "off" {
  const address = parseListen(text);
  if (!address.ok) throw new InvalidArgumentError(`${address.error}.`);
  return address.value;
}

function parseFraction(text: string): number {
  const fraction = Number(text);
  if (text.trim() !== "" && fraction > 0 && fraction <= 1) return fraction;
  throw new InvalidArgumentError("It must be above 0 and at most 1, for example 0.75.");
}

function parseBytes(text: string): number {
  const bytes = parseQuantity(text);
  if (!bytes.ok) throw new InvalidArgumentError(`${bytes.error}.`);
  if (bytes.value <= 0n) throw new InvalidArgumentError("It must be above 0, for example 16Gi.");
  return Number(bytes.value);
}
