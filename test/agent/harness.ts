import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readdir, readFile, readlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { AgentStatus, WorkloadStatus } from "../../agent/status/status.ts";
import { readStatus } from "../../agent/status/status-file.ts";
import { errorCode } from "../../api/error-code.ts";
import { ensureTool } from "../../toolchain/ensure.ts";
import { CLI } from "../support/run-cli.ts";
import { temporaryDirectory } from "../support/workspace.ts";

/** The folders of one agent, and the real binary and weights. */
export interface Site {
  readonly manifests: string;
  readonly state: string;
  readonly models: string;
  /** Where its agent finds the claims of others: none, unless two sites name the same folder. */
  readonly claims: string;
  readonly llamaServer: string;
  readonly weights: string;
}

export async function newSite(): Promise<Site> {
  const root = await temporaryDirectory();
  const [manifests, state, models, claims] = ["manifests", "state", "models", "claims"].map((name) => join(root, name));
  assert(manifests && state && models && claims);
  await mkdir(manifests);
  const silent = () => {};
  const llamaServer = await ensureTool("llama-server", silent);
  return { manifests, state, models, claims, llamaServer, weights: await ensureTool("gemma3-270m", silent) };
}

export interface AgentProcess {
  readonly child: ChildProcess;
  readonly output: () => string;
}

/** Killed when the test process exits, however it exits. */
const children = new Set<ChildProcess>();

function killChildren(): void {
  for (const child of children) child.kill("SIGKILL");
}

/** How {@link startAgentWith} starts an agent. */
export interface AgentSettings {
  readonly flags?: readonly string[];
  /** Beside this process's own. */
  readonly env?: Readonly<Record<string, string>>;
  /** Whether the kernel stands behind the watchdog, where it would here. */
  readonly kernelCap?: boolean;
  /** File descriptor for its standard output. By default it is read, and kept in {@link AgentProcess}. */
  readonly output?: number;
  /** Its command line: by default from source; `bin/pulumi-llmkube.js` is the one that is shipped. */
  readonly program?: string;
}

export function startAgent(site: Site, ...flags: readonly string[]): AgentProcess {
  return startAgentWith(site, { flags });
}

export function startAgentWith(
  site: Site,
  { flags = [], env = {}, kernelCap = true, output: to, program = CLI }: AgentSettings,
): AgentProcess {
  const listen = flags.includes("--listen") ? [] : ["--listen", "off"];
  const folders = ["--manifests", site.manifests, "--state", site.state, "--models", site.models];
  const claims = flags.includes("--claims") ? [] : ["--claims", site.claims];
  const options = [...folders, ...claims, "--llama-server", site.llamaServer, ...listen, ...flags];
  const agent = [process.execPath, program, "agent", ...options];
  const [file = "", ...args] = kernelCap ? agent : withoutKernelCap(agent);
  const child = spawn(file, args, { stdio: ["ignore", to ?? "pipe", "pipe"], env: { ...process.env, ...env } });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream?.on("data", (chunk) => (output += String(chunk)));
  if (children.size === 0) process.once("exit", killChildren);
  children.add(child);
  return { child, output: () => output };
}

/**
 * The same command where no control groups can be made, as for an ordinary user and on many Macs: root does without the file system of
 * control groups, in a mount namespace of its own. The process keeps its pid.
 */
function withoutKernelCap(command: readonly string[]): readonly string[] {
  if (process.getuid?.() !== 0) return command;
  return ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs none /sys/fs/cgroup && exec "$@"', "sh", ...command];
}

/** Signals the agent and returns its exit code; if it has exited already, just the code. */
export async function stopped({ child }: AgentProcess, signal: NodeJS.Signals = "SIGINT"): Promise<number | null> {
  if (child.exitCode === null && child.signalCode === null) {
    child.kill(signal);
    await once(child, "exit");
  }
  return child.exitCode;
}

/** What {@link writeManifests} writes. `budget` is a quantity, 512Mi by default. */
export interface ServiceSettings {
  readonly port: number;
  readonly budget?: string;
  readonly contextSize?: number;
  readonly priority?: string;
  readonly spec?: object;
  /** Of the InferenceService. */
  readonly annotations?: object;
}

/** One file with a Model and an InferenceService of the same name. JSON is YAML. */
export async function writeManifests(site: Site, name: string, settings: ServiceSettings): Promise<void> {
  const { port, budget = "512Mi", contextSize = 4096, priority = "normal", spec = {}, annotations } = settings;
  const apiVersion = "inference.llmkube.dev/v1alpha1";
  const hardware = { accelerator: "metal", memoryBudget: budget };
  const documents = [
    { apiVersion, kind: "Model", metadata: { name }, spec: { source: site.weights, hardware } },
    {
      apiVersion,
      kind: "InferenceService",
      metadata: { name, annotations },
      spec: { modelRef: name, contextSize, priority, endpoint: { port }, ...spec },
    },
  ];
  const text = documents.map((document) => JSON.stringify(document)).join("\n---\n");
  await writeFile(join(site.manifests, `${name}.yaml`), text);
}

export type Holds = (workload: WorkloadStatus) => boolean;

/** The status of `default/NAME` once `holds` is true; fails with the last status after 90 s. */
export async function workloadOnce(site: Site, name: string, holds: Holds): Promise<WorkloadStatus> {
  const found = (status: AgentStatus) => status.workloads.find((workload) => workload.name === `default/${name}`);
  const status = await statusOnce(site, (current) => {
    const workload = found(current);
    return workload !== undefined && holds(workload);
  });
  const workload = found(status);
  assert(workload);
  return workload;
}

export async function statusOnce(
  site: Site,
  holds: (status: AgentStatus) => boolean,
  timeoutMs = 90_000,
): Promise<AgentStatus> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const status = await readStatus(site.state);
    if (status.ok && holds(status.value)) return status.value;
    if (Date.now() > deadline) assert.fail(`not reached; last: ${JSON.stringify(status, null, 1)}`);
    await sleep(100);
  }
}

/** Pids of the llama-servers of this site, recognised by their log files. */
export async function serversOf(site: Site): Promise<readonly number[]> {
  const owned: number[] = [];
  for (const pid of await loggingTo(site)) {
    const name = await readFile(`/proc/${pid}/comm`, "utf8").catch(() => "");
    if (name.startsWith("llama-server")) owned.push(pid);
  }
  return owned;
}

/** Pids of whatever writes to the servers' logs of this site, which a stand-in does, too. */
export async function loggingTo(site: Site): Promise<readonly number[]> {
  const pids = (await readdir("/proc")).filter((entry) => /^\d+$/.test(entry));
  const outputs = await Promise.all(pids.map((pid) => readlink(`/proc/${pid}/fd/1`).catch(() => "")));
  const logs = join(site.state, "logs/");
  return pids.filter((_, index) => outputs[index]?.startsWith(logs)).map(Number);
}

/** Kills whatever writes to the servers' logs of this site: for a test that kills its agent. */
export async function killServers(site: Site): Promise<void> {
  for (const pid of await loggingTo(site)) killIfThere(pid);
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    assert.equal(errorCode(error), "ESRCH");
  }
}

/** The same, after up to 5 s for killed processes to disappear: the kernel needs a moment for a large one. */
export async function serversLeft(site: Site): Promise<readonly number[]> {
  const deadline = Date.now() + 5000;
  for (;;) {
    const left = await serversOf(site);
    if (left.length === 0 || Date.now() > deadline) return left;
    await sleep(100);
  }
}
