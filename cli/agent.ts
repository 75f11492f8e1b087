import { Command, InvalidArgumentError, Option } from "commander";
import { DEFAULT_CLAIMS } from "../agent/claims/default-folder.ts";
import { DEFAULT_MANIFESTS, DEFAULT_MODELS } from "../agent/state/paths.ts";
import type { LogLevel } from "../agent/status/log.ts";
import { AGENT_LISTEN, type ListenAddress, parseListen, parseLoopbackListen } from "../api/listen.ts";
import { parseQuantity } from "../api/quantity.ts";
import { parseReserve } from "../memory/reserve.ts";
import type { AgentFlags } from "./agent-flags.ts";
import { allowCommand, dumpCommand } from "./ask-agent.ts";
import { installCommands } from "./install.ts";
import { typedPath, typedProgram } from "./typed-path.ts";

/** Most verbose first. Written out here, because the definition must not load the logger. */
const LOG_LEVELS: readonly LogLevel[] = ["trace", "debug", "info", "warn", "error", "silent"];

/** `pulumi-llmkube agent`: exit code 0 after a signal, 2 where it cannot begin, 70 after a fault of its own, 130 after a second signal. */
export function agentCommand(): Command {
  const command = new Command("agent")
    .description(
      "Serve models with llama-server, each within its memory budget: those of a manifest folder, or those that a cluster gives this Mac.",
    )
    .option(
      "--manifests <dir>",
      `folder of manifests, as renderYamlToDirectory writes it (default, without --kubeconfig: ${DEFAULT_MANIFESTS}, where deploy writes)`,
      typedPath,
    )
    .option(
      "--memory-fraction <share>",
      "share of the memory for all models, and the default budget of each: above 0, at most 1 (default: 0.67 up to 36 GiB, 0.75 above)",
      parseFraction,
    )
    .option("--host-memory <quantity>", "count on less memory than the machine has, for example 16Gi", parseHostMemory)
    .option(
      "--reserve <quantity>",
      "memory that stays with the system and other programs, at least 1Gi (default: 4Gi on a Mac, else none)",
      parseReserveFlag,
    )
    .option("--models <dir>", "folder for downloaded models", typedPath, DEFAULT_MODELS)
    .option(
      "--models-max <quantity>",
      "delete the downloads longest unused above this size (default: delete none)",
      parseBytes,
    )
    .option("--state <dir>", "folder for the agent's own files (default: one per --manifests, or per node)", typedPath)
    .addOption(
      new Option(
        "--claims <dir>",
        "folder where the agents of this machine, of all users, say how much memory they hold",
      )
        .argParser(typedPath)
        .env("PULUMI_LLMKUBE_CLAIMS")
        .default(DEFAULT_CLAIMS),
    )
    .option("--llama-server <path>", "path of the llama-server binary", typedProgram, "llama-server")
    .addOption(
      new Option("--listen <host:port>", "loopback address of the status page and metrics, or off")
        .argParser(parseAddress)
        .default(parseAddress(AGENT_LISTEN), AGENT_LISTEN),
    )
    .option("--api-key-file <file>", "file of API keys that the models require, one per line", typedPath)
    .option("--keep-awake", "keep this Mac awake while a model is Ready; on battery power it may sleep all the same")
    .option("--json", "log as JSON lines")
    .addOption(new Option("--log-level <level>", "lowest severity that is logged").choices(LOG_LEVELS).default("info"))
    .addHelpText(
      "after",
      `
Signals:
  Ctrl-C (SIGINT), SIGTERM, SIGHUP  stop the servers, then the agent
  a second Ctrl-C or SIGTERM        kills the servers at once
  Ctrl-\\ (SIGQUIT), SIGUSR2         end the agent alone; the next one adopts
                                    its servers, which run on

Exit codes:
  0    it ended after a signal
  2    it cannot start, or lost the lock on its state folder
  70   a fault of its own; its servers run on, as after a lost lock
  130  after a second Ctrl-C or SIGTERM`,
    )
    .action(async (flags: AgentFlags) => (await import("./agent-run.ts")).run(flags));
  for (const option of [...gatewayOptions(), ...clusterOptions()]) command.addOption(option);
  for (const below of [...installCommands(), allowCommand(), dumpCommand()]) command.addCommand(below);
  return command;
}

/** One port for every model. */
function gatewayOptions(): readonly Option[] {
  return [
    new Option(
      "--gateway <host:port>",
      "one OpenAI-compatible port for all models, which loads what is asked for (default: none)",
    ).argParser(parseGateway),
    new Option("--gateway-keys <file>", "file of the keys that clients of the gateway need").argParser(typedPath),
    new Option(
      "--idle-unload <time>",
      "with --gateway, unload a model after this time without a request, for example 10m (default: none unloads by itself)",
    ),
    new Option(
      "--saved-slots <quantity>",
      "with --gateway, keep conversations of unloaded models on disk, up to this size, for example 8Gi (default: none)",
    ).argParser(parseSavedSlots),
  ];
}

/** What makes a node of a Mac. */
function clusterOptions(): readonly Option[] {
  return [
    new Option("--kubeconfig <file>", "identity of this Mac in a cluster, whose node it becomes").argParser(typedPath),
    new Option("--node-name <name>", "name of the node (default: that of the identity, else the hostname)"),
    new Option("--node-ip <address>", "address of the node (default: that of the default route, never a VPN)"),
    new Option(
      "--kubelet-port <port>",
      "port where the cluster asks for logs and metrics; 0 is any (default: 10250)",
    ).argParser(parsePort),
    new Option(
      "--client-ca-file <file>",
      "authority of the cluster's client certificates, which the API server shows when it asks for logs (default: that of --kubeconfig)",
    ).argParser(typedPath),
    new Option(
      "--stand-in-mac <address>",
      "for tests and demos on Linux: register as a Mac, with servers on this address of 127.0.0.0/8",
    ),
  ];
}

function parseAddress(text: string): ListenAddress | "off" {
  const address = parseLoopbackListen(text);
  if (!address.ok) throw new InvalidArgumentError(`${address.error}.`);
  return address.value;
}

function parseGateway(text: string): ListenAddress {
  const address = parseListen(text);
  if (address.ok && address.value !== "off") return address.value;
  throw new InvalidArgumentError(
    "It must be ADDRESS:PORT, for example 127.0.0.1:9000; beyond loopback it needs --gateway-keys.",
  );
}

function parseFraction(text: string): number {
  const fraction = Number(text);
  if (text.trim() !== "" && fraction > 0 && fraction <= 1) return fraction;
  throw new InvalidArgumentError("It must be above 0 and at most 1, for example 0.75.");
}

function parsePort(text: string): number {
  const port = Number(text);
  if (/^\d+$/.test(text) && port <= 65_535) return port;
  throw new InvalidArgumentError("It must be a port, from 0 to 65535.");
}

/** The smallest models need some 300 MiB; less is a slip, such as a number without its unit. */
const LEAST_HOST_MEMORY = 512 * 2 ** 20;

function parseHostMemory(text: string): number {
  const bytes = parseBytes(text);
  if (bytes >= LEAST_HOST_MEMORY) return bytes;
  throw new InvalidArgumentError("It must be at least 512Mi, which holds one small model: for example 16Gi.");
}

/** One conversation of a small model; less is a slip, such as a number without its unit. */
const LEAST_SAVED = 64 * 2 ** 20;

function parseSavedSlots(text: string): number {
  const bytes = parseBytes(text);
  if (bytes >= LEAST_SAVED) return bytes;
  throw new InvalidArgumentError("It must be at least 64Mi, which holds one conversation: for example 8Gi.");
}

function parseReserveFlag(text: string): number {
  const bytes = parseReserve(text);
  if (bytes.ok) return bytes.value;
  throw new InvalidArgumentError(`${bytes.error}.`);
}

function parseBytes(text: string): number {
  const bytes = parseQuantity(text);
  if (!bytes.ok) throw new InvalidArgumentError(`${bytes.error}.`);
  if (bytes.value <= 0n) throw new InvalidArgumentError("It must be above 0, for example 16Gi.");
  return Number(bytes.value);
}
