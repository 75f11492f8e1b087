import { readdir, readFile, readlink } from "node:fs/promises";
import { join } from "node:path";
import { temporaryDirectory } from "../workspace.ts";
import { type Child, lastLines, startChild } from "./child.ts";
import { killMarked, killMarkedNow } from "./marked-processes.ts";

/** What one machine that stands in for a Mac is like. */
export interface MacOptions {
  readonly name: string;
  /** N of `127.0.0.N`, where its servers listen; its pods have the address `10.99.0.N`. 2 to 254, another one for each Mac. */
  readonly number: number;
  /** From `Cluster.asMac`. */
  readonly kubeconfig: string;
  readonly llamaServer: string;
  /** Quantity of memory that it says it has; default: 16Gi. */
  readonly hostMemory?: string;
  readonly flags?: readonly string[];
}

/** Our agent as a process, with folders and a loopback address of its own: a machine of the fleet that can be lost. */
export interface Mac {
  readonly name: string;
  /** `127.0.0.N`. */
  readonly loopback: string;
  /** `10.99.0.N`: what EndpointSlices have for it, since they refuse loopback. */
  readonly podIp: string;
  /** Folder of all that it keeps. */
  readonly root: string;
  readonly kubeconfig: string;
  /** Path of what the agents of this Mac have printed. */
  readonly log: string;
  /** Starts the agent; with another name and its kubeconfig as the Mac that was renamed. */
  readonly start: (renamed?: Pick<MacOptions, "name" | "kubeconfig">) => void;
  /** Ends the agent alone, by default as a crash does: its servers run on. Resolves when it is gone. */
  readonly endAgent: (signal?: NodeJS.Signals) => Promise<void>;
  /** Undefined while no agent runs. */
  readonly agentPid: () => number | undefined;
  /** Aborted when the agent that was started last has ended. */
  readonly agentEnded: () => AbortSignal | undefined;
  /** The power goes: agent, watchdog and servers are killed at once. */
  readonly die: () => Promise<void>;
  /** Pids of its servers, real ones or stand-ins, lowest first. */
  readonly servers: () => Promise<readonly number[]>;
  /** The end of its log, for a failing test to show. */
  readonly lastLines: (count?: number) => Promise<string>;
}

const CLI = join(import.meta.dirname, "..", "..", "..", "bin", "pulumi-llmkube.js");

/** Starts our agent as it is shipped, from `dist/`. Whatever it started is killed at the end of this process at the latest. */
export async function startMac(options: MacOptions): Promise<Mac> {
  const root = await temporaryDirectory();
  const claims = join(root, "claims");
  const log = join(root, "agent.log");
  const loopback = `127.0.0.${options.number}`;
  let agent: Child | undefined;
  const start: Mac["start"] = (renamed) => {
    const args = [CLI, "agent", ...flagsOf({ ...options, ...renamed }, root, loopback)];
    // All that it starts inherits the folder of claims, which is how its processes are found.
    agent = startChild(process.execPath, args, log, { env: { PULUMI_LLMKUBE_CLAIMS: claims } });
  };
  process.once("exit", () => killMarkedNow(root));
  start();
  return {
    name: options.name,
    loopback,
    podIp: `10.99.0.${options.number}`,
    root,
    kubeconfig: options.kubeconfig,
    log,
    start,
    endAgent: async (signal = "SIGKILL") => {
      await agent?.kill(signal);
    },
    agentPid: () => (agent?.ended.aborted ? undefined : agent?.pid),
    agentEnded: () => agent?.ended,
    die: () => killMarked(root),
    servers: () => loggingTo(join(root, "state", "logs/")),
    lastLines: (count = 20) => lastLines(log, count),
  };
}

function flagsOf(options: MacOptions, root: string, loopback: string): readonly string[] {
  const { name, kubeconfig, llamaServer, hostMemory = "16Gi", flags = [] } = options;
  return [
    `--kubeconfig=${kubeconfig}`,
    `--node-name=${name}`,
    `--stand-in-mac=${loopback}`,
    `--host-memory=${hostMemory}`,
    "--kubelet-port=0",
    `--state=${join(root, "state")}`,
    `--models=${join(root, "models")}`,
    `--llama-server=${llamaServer}`,
    "--listen=off",
    ...flags,
  ];
}

/** Pids of whatever has its standard output in a folder: servers write their logs themselves. */
async function loggingTo(folder: string): Promise<readonly number[]> {
  const pids = (await readdir("/proc")).filter((entry) => /^\d+$/.test(entry));
  const outputs = await Promise.all(pids.map((pid) => readlink(`/proc/${pid}/fd/1`).catch(() => "")));
  const found = pids.filter((_, index) => outputs[index]?.startsWith(folder));
  const asked = await Promise.all(found.map((pid) => readFile(`/proc/${pid}/cmdline`, "latin1").catch(() => "")));
  return found
    .filter((_, index) => !asked[index]?.includes("--log-verbosity"))
    .map(Number)
    .sort((a, b) => a - b);
}
