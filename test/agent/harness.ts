import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readdir, readFile, readlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { AgentStatus, WorkloadStatus } from "../../agent/status/status.ts";
import { readStatus } from "../../agent/status/status-file.ts";
import { ensureTool } from "../../toolchain/ensure.ts";
import { CLI } from "../support/run-cli.ts";
import { temporaryDirectory } from "../support/workspace.ts";

/** The folders of one agent, and the real binary and weights. */
export interface Site {
  readonly manifests: string;
  readonly state: string;
  readonly models: string;
  readonly llamaServer: string;
  readonly weights: string;
}

export async function newSite(): Promise<Site> {
  const root = await temporaryDirectory();
  const [manifests, state, models] = ["manifests", "state", "models"].map((name) => join(root, name));
  assert(manifests && state && models);
  await mkdir(manifests);
  const silent = () => {};
  const llamaServer = await ensureTool("llama-server", silent);
  return { manifests, state, models, llamaServer, weights: await ensureTool("gemma3-270m", silent) };
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

export function startAgent(site: Site, ...flags: readonly string[]): AgentProcess {
  return startProgram(CLI, site, ...flags);
}

/** The agent of another command line than that from source: `bin/pulumi-llmkube.js` is the one that is shipped. */
export function startProgram(program: string, site: Site, ...flags: readonly string[]): AgentProcess {
  const listen = flags.includes("--listen") ? [] : ["--listen", "off"];
  const folders = ["--manifests", site.manifests, "--state", site.state, "--models", site.models];
  const child = spawn(
    process.execPath,
    [program, "agent", ...folders, "--llama-server", site.llamaServer, ...listen, ...flags],
    {
      stdio: ["ignore", "pipe", "pipe"],
    },
  );
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (output += String(chunk)));
  if (children.size === 0) process.once("exit", killChildren);
  children.add(child);
  return { child, output: () => output };
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
}

/** One file with a Model and an InferenceService of the same name. JSON is YAML. */
export async function writeManifests(site: Site, name: string, settings: ServiceSettings): Promise<void> {
  const { port, budget = "512Mi", contextSize = 4096, priority = "normal", spec = {} } = settings;
  const apiVersion = "inference.llmkube.dev/v1alpha1";
  const hardware = { accelerator: "metal", memoryBudget: budget };
  const documents = [
    { apiVersion, kind: "Model", metadata: { name }, spec: { source: site.weights, hardware } },
    {
      apiVersion,
      kind: "InferenceService",
      metadata: { name },
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
  const pids = (await readdir("/proc")).filter((entry) => /^\d+$/.test(entry));
  const owned: number[] = [];
  for (const pid of pids) {
    const output = await readlink(`/proc/${pid}/fd/1`).catch(() => "");
    const name = await readFile(`/proc/${pid}/comm`, "utf8").catch(() => "");
    if (output.startsWith(join(site.state, "logs")) && name.startsWith("llama-server")) owned.push(Number(pid));
  }
  return owned;
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
