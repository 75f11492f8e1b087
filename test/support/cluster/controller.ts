import { join } from "node:path";
import { SYSTEM_NAMESPACE } from "../../../api/fleet.ts";
import { CONTROLLER } from "../../../cluster/index.ts";
import { type Child, lastLines, startChild } from "./child.ts";
import type { Cluster } from "./cluster.ts";

/** Our controller as a process, as it is shipped, with just the rights of its ServiceAccount. */
export interface Controller {
  readonly start: () => void;
  /** Ends it, by default as a crash does. */
  readonly end: (signal?: NodeJS.Signals) => Promise<void>;
  readonly log: string;
  readonly lastLines: (count?: number) => Promise<string>;
}

export interface ControllerOptions {
  /** Where it reaches the API server: a proxy; default: the API server itself. */
  readonly server?: string;
  readonly flags?: readonly string[];
}

const CLI = join(import.meta.dirname, "..", "..", "..", "bin", "pulumi-llmkube.js");

/** @param cluster one that `installFleet` was called for */
export async function startController(
  cluster: Cluster,
  { server, flags = [] }: ControllerOptions = {},
): Promise<Controller> {
  const kubeconfig = await cluster.asServiceAccount(
    SYSTEM_NAMESPACE,
    CONTROLLER,
    server === undefined ? {} : { server },
  );
  const log = join(cluster.folder, "controller.log");
  let child: Child | undefined;
  // Tests serve weights on loopback, which a controller else refuses to read.
  const args = [CLI, "controller", `--kubeconfig=${kubeconfig}`, "--allow-local-sources", "--listen=off", ...flags];
  const start = () => {
    child = startChild(process.execPath, args, log, {
      env: { POD_NAMESPACE: SYSTEM_NAMESPACE, XDG_CACHE_HOME: join(cluster.folder, "controller-cache") },
    });
  };
  start();
  return {
    start,
    end: async (signal = "SIGKILL") => {
      await child?.kill(signal);
    },
    log,
    lastLines: (count = 20) => lastLines(log, count),
  };
}
