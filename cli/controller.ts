import { Command, InvalidArgumentError, Option } from "commander";
import type { LogLevel } from "../agent/status/log.ts";
import type { ControllerFlags } from "./controller/run.ts";
import { typedPath } from "./typed-path.ts";

/** Most verbose first. Written out here, because the definition must not load the logger. */
const LOG_LEVELS: readonly LogLevel[] = ["trace", "debug", "info", "warn", "error", "silent"];
const DEFAULT_WORKERS = 8;
const MOST_WORKERS = 64;

/** `pulumi-llmkube controller`: exit code 0 after a signal, 2 where it cannot begin, 70 after a fault of its own. */
export function controllerCommand(): Command {
  return new Command("controller")
    .description(
      "Turn InferenceServices on Metal into Deployments and Services, so that Kubernetes puts models on Macs.",
    )
    .option(
      "--kubeconfig <file>",
      "kubeconfig of the cluster (default: the pod's own account, else KUBECONFIG)",
      typedPath,
    )
    .option("--context <name>", "context of the kubeconfig (default: its current-context)")
    .option("--namespace <name>", "look after the objects of one namespace only (default: all)")
    .option("--port-range <first-last>", "ports of Macs for InferenceServices, one each (default: 12000-29999)")
    .addOption(
      new Option("--workers <number>", "objects worked on at a time").argParser(parseWorkers).default(DEFAULT_WORKERS),
    )
    .option(
      "--listen <address:port>",
      "where /livez, /readyz and /metrics are answered, or off (default: 127.0.0.1:9098)",
    )
    .option(
      "--lease-namespace <name>",
      "namespace of the Lease that a leader is elected by: that of the installation (default: POD_NAMESPACE, else pulumi-llmkube)",
    )
    .option("--no-leader-election", "work at once; two controllers without it write against each other")
    .option(
      "--allow-local-sources",
      "read model headers from loopback, link-local and metadata addresses too: for tests and demos on one machine",
    )
    .option("--json", "log as JSON lines")
    .addOption(new Option("--log-level <level>", "lowest severity that is logged").choices(LOG_LEVELS).default("info"))
    .addHelpText(
      "after",
      `
The headers of models are read from where their sources point, by this process. So that nobody makes it a probe of
its own network, it connects to no loopback, link-local or metadata address, unless --allow-local-sources is given.

Only its ServiceAccount may make Deployments of models (pulumi-llmkube manifests controller): as anybody else it is
refused by the cluster's admission policies. docs/fleet.md says how to run it outside of the cluster.

Exit codes:
  0    it ended after a signal
  2    it cannot start
  70   a fault of its own; what runs goes on, and the next controller continues`,
    )
    .action(async (flags: ControllerFlags) => (await import("./controller/run.ts")).run(flags));
}

function parseWorkers(text: string): number {
  const workers = Number(text);
  if (/^\d+$/.test(text) && workers >= 1 && workers <= MOST_WORKERS) return workers;
  throw new InvalidArgumentError(`It must be a whole number from 1 to ${MOST_WORKERS}.`);
}
