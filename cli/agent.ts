import { resolve } from "node:path";
import { Command, InvalidArgumentError, Option } from "commander";
import { DEFAULT_LISTEN, type ListenAddress, parseListen } from "../agent/http/listen.ts";
import { runAgent } from "../agent/run.ts";
import type { AgentOptions } from "../agent/startup.ts";
import { DEFAULT_MODELS, defaultState } from "../agent/state/paths.ts";
import { openLog } from "../agent/status/log-sink.ts";
import { parseQuantity } from "../api/quantity.ts";
import { installCommands } from "./install.ts";

interface Flags {
  readonly manifests?: string;
  readonly memoryFraction?: number;
  readonly apiKeyFile?: string;
  readonly hostMemory?: number;
  readonly models: string;
  readonly modelsMax?: number;
  readonly state?: string;
  readonly llamaServer: string;
  readonly listen: ListenAddress | "off";
  readonly json?: boolean;
}

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
const EXIT_INTERRUPTED_TWICE = 130;
const EXIT_FAULT = 70;

/** `pulumi-llmkube agent`: exit code 0 after a signal, 2 where it cannot begin, 70 after a fault of its own, 130 after a second signal. */
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
    .action(run);
  for (const install of installCommands()) command.addCommand(install);
  return command;
}

async function run({ manifests, ...flags }: Flags): Promise<void> {
  if (manifests === undefined) throw new Error("--manifests is missing: name the folder that the agent is to watch");
  const [stop, kill] = [new AbortController(), new AbortController()];
  const log = openLog(flags.json ? "json" : "text");
  const onSignal = () => {
    if (stop.signal.aborted) {
      // Whoever asks twice does not want to wait.
      kill.abort();
      process.exit(EXIT_INTERRUPTED_TWICE);
    }
    stop.abort();
  };
  const onFault = (error: unknown) => {
    const message = error instanceof Error ? error.message : String(error);
    log.fatal(`the agent failed: ${message}; its servers run on: start the agent again to have them watched`);
    process.exit(EXIT_FAULT);
  };
  for (const signal of SIGNALS) process.on(signal, onSignal);
  process.on("uncaughtException", onFault);
  try {
    const done = await runAgent(optionsOf({ ...flags, manifests }), log, { stop: stop.signal, kill: kill.signal });
    if (!done.ok) throw new Error(done.error);
  } finally {
    for (const signal of SIGNALS) process.off(signal, onSignal);
    process.off("uncaughtException", onFault);
  }
}

function optionsOf(flags: Flags & { readonly manifests: string }): AgentOptions {
  const { manifests, models, modelsMax, state, llamaServer, memoryFraction, hostMemory, listen } = flags;
  const { apiKeyFile } = flags;
  return {
    manifests,
    models,
    state: state ?? defaultState(manifests),
    llamaServer,
    listen,
    ...(modelsMax === undefined ? {} : { modelsMaxBytes: modelsMax }),
    ...(memoryFraction === undefined ? {} : { memoryFraction }),
    ...(apiKeyFile === undefined ? {} : { apiKeyFile }),
    ...(hostMemory === undefined ? {} : { hostMemoryBytes: hostMemory }),
  };
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
