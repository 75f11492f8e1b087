import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";

const CLI = join(import.meta.dirname, "../../bin/pulumi-llmkube.js");

export interface AgentOptions {
  readonly manifests: string;
  readonly state: string;
  readonly models: string;
  readonly llamaServer: string;
  readonly onLine: (line: string) => void;
}

/** One workload as `pulumi-llmkube status --json` prints it, as far as the demo reads it. */
export interface WorkloadStatus {
  readonly name: string;
  readonly state: string;
  readonly endpoint?: string;
  readonly schedulingStatus?: string;
  readonly schedulingMessage?: string;
}

/** The agent as a user starts it in a second terminal. */
export function startAgent(options: AgentOptions): ChildProcess {
  const flags = [
    "--manifests",
    options.manifests,
    "--state",
    options.state,
    "--models",
    options.models,
    "--claims",
    `${options.state}-claims`,
    "--listen",
    "127.0.0.1:0",
  ];
  const child = spawn(process.execPath, [CLI, "agent", ...flags, "--llama-server", options.llamaServer], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  for (const stream of [child.stdout, child.stderr]) createInterface({ input: stream }).on("line", options.onLine);
  return child;
}

/** Sends Ctrl-C to the agent and returns its exit code. */
export async function stopAgent(agent: ChildProcess): Promise<number | null> {
  if (agent.exitCode === null && agent.signalCode === null) {
    agent.kill("SIGINT");
    await once(agent, "exit");
  }
  return agent.exitCode;
}

/**
 * What `pulumi-llmkube status` prints. It prints a status with exit codes other than 0 too, so these are not failures
 * here.
 */
export async function printedStatus(state: string, ...flags: readonly string[]): Promise<string> {
  const args = [CLI, "status", "--state", state, ...flags];
  const { stdout } = await promisify(execFile)(process.execPath, args).catch((error: { stdout?: string }) => ({
    stdout: error.stdout ?? "",
  }));
  return stdout;
}

const PATIENCE_MS = 120_000;

/** Polls `status --json` until the workload satisfies `done`; fails with its last status after two minutes. */
export async function waitForWorkload(
  state: string,
  done: (workload: WorkloadStatus) => boolean,
  signal: AbortSignal,
): Promise<WorkloadStatus> {
  const deadline = Date.now() + PATIENCE_MS;
  let last = "no status yet";
  while (Date.now() < deadline) {
    last = await printedStatus(state, "--json");
    const workloads: readonly WorkloadStatus[] = last ? JSON.parse(last).workloads : [];
    const found = workloads.find(done);
    if (found) return found;
    await sleep(500, undefined, { signal });
  }
  throw new Error(
    `the workload did not reach the expected state within ${PATIENCE_MS / 1000} s; the last status: ${last}`,
  );
}
