import { execFile } from "node:child_process";
import { access, constants, stat, statfs } from "node:fs/promises";
import { dirname } from "node:path";
import { promisify } from "node:util";
import { outputOf } from "../../agent/host/command.ts";
import { parseWorkingSet } from "../../agent/host/darwin/darwin.ts";
import { openPlatform } from "../../agent/host/open.ts";
import { openKernelLimit } from "../../agent/kernel-limit/open.ts";
import { readSupportedFlags } from "../../agent/llama-server/supported-flags.ts";
import { errorText } from "../../api/error-code.ts";
import { formatBytes } from "../../api/quantity.ts";
import { describeAllocatable, resolveAllocatable } from "../../memory/allocatable.ts";

export interface Check {
  readonly name: string;
  /** `failed`: the agent cannot start, or cannot keep models within their budgets. */
  readonly state: "ok" | "warning" | "failed" | "skipped";
  readonly found: string;
  /** What to do about it. */
  readonly remedy?: string;
}

export interface Subject {
  readonly llamaServer: string;
  readonly models: string;
  /** Folder of the agents' state folders. */
  readonly state: string;
  readonly system: NodeJS.Platform;
}

/** Less free space than this is too little to download an ordinary model. */
const LITTLE_DISK_BYTES = 10 * 2 ** 30;

type Look = (subject: Subject) => Promise<Check>;

/** Checks that need a llama-server that runs. */
const OF_THE_SERVER: readonly Look[] = [checkOptions, checkDevice, checkMemory, checkPressure];

const OF_THE_MACHINE: readonly Look[] = [
  checkWiredLimit,
  checkKernelCap,
  checkDisk,
  (subject) => checkFolder("models folder", subject.models, "--models"),
  (subject) => checkFolder("state folder", subject.state, "--state"),
  checkUser,
  checkNetwork,
];

/** Runs one check after another. Changes nothing and never throws. */
export async function diagnose(subject: Subject): Promise<readonly Check[]> {
  const server = await checkServer(subject);
  const checks = [server];
  for (const look of [...(server.state === "failed" ? [] : OF_THE_SERVER), ...OF_THE_MACHINE]) {
    checks.push(await look(subject));
  }
  return checks;
}

async function checkServer({ llamaServer }: Subject): Promise<Check> {
  const name = "llama-server";
  const runs = await outputOf(llamaServer, ["--version"]);
  if (runs.ok) return { name, state: "ok", found: (await versionOf(llamaServer)) ?? "it runs, but prints no version" };
  const remedy = "brew install llama.cpp, or name the binary with --llama-server";
  return { name, state: "failed", found: runs.error, remedy };
}

/** It is printed on standard error. */
async function versionOf(llamaServer: string): Promise<string | undefined> {
  const { stdout, stderr } = await run(llamaServer, ["--version"], { timeout: TIMEOUT_MS }).catch(() => NOTHING);
  return /^version: .*$/m.exec(`${stdout}\n${stderr}`)?.[0];
}

const run = promisify(execFile);
const TIMEOUT_MS = 10_000;
const NOTHING = { stdout: "", stderr: "" };

async function checkOptions({ llamaServer }: Subject): Promise<Check> {
  const name = "llama-server options";
  const options = await readSupportedFlags(llamaServer);
  if (!options.ok) return { name, state: "failed", found: options.error };
  return { name, state: "ok", found: `${options.value.size} known; all that the agent needs are supported` };
}

async function checkDevice({ llamaServer, system }: Subject): Promise<Check> {
  const name = "Metal";
  if (system !== "darwin") return skipped(name, "not a Mac: models run on the CPU");
  const devices = await outputOf(llamaServer, ["--list-devices"]);
  const bytes = devices.ok ? parseWorkingSet(devices.value) : null;
  if (bytes !== null) return { name, state: "ok", found: `working set ${formatBytes(bytes)}` };
  const found = devices.ok ? "llama-server lists no device MTL0" : devices.error;
  return { name, state: "failed", found, remedy: "install a llama-server that is built for Metal" };
}

async function checkMemory({ llamaServer, system }: Subject): Promise<Check> {
  const name = "memory";
  const platform = await openPlatform(llamaServer, system);
  if (!platform.ok) return { name, state: "failed", found: platform.error };
  const { backend, hostMemoryBytes: physicalMemoryBytes, workingSetBytes } = platform.value;
  const allocatable = resolveAllocatable({ backend, physicalMemoryBytes, workingSetBytes });
  if (!allocatable.ok) return { name, state: "failed", found: allocatable.error };
  return {
    name,
    state: "ok",
    found: `all models together may use ${describeAllocatable(allocatable.value)} by default`,
  };
}

async function checkWiredLimit({ system }: Subject): Promise<Check> {
  const name = "wired limit";
  if (system !== "darwin") return skipped(name, "not a Mac");
  const limit = await outputOf("sysctl", ["-n", "iogpu.wired_limit_mb"]);
  if (!limit.ok) return { name, state: "warning", found: limit.error };
  const megabytes = limit.value.trim();
  if (megabytes === "0") return { name, state: "ok", found: "system default" };
  const remedy = "reset it with sudo sysctl iogpu.wired_limit_mb=0, or restart the Mac";
  return { name, state: "warning", found: `set to ${megabytes} MB`, remedy };
}

async function checkPressure({ llamaServer, system }: Subject): Promise<Check> {
  const name = "memory pressure";
  const platform = await openPlatform(llamaServer, system);
  const level = platform.ok ? await platform.value.pressure() : null;
  if (level === null) return { name, state: "warning", found: "cannot be read, so no model would start" };
  if (level === "normal") return { name, state: "ok", found: level };
  return { name, state: "warning", found: level, remedy: "quit other applications that use memory" };
}

async function checkKernelCap({ state, system }: Subject): Promise<Check> {
  const name = "kernel memory limit";
  const { limit, text } = await openKernelLimit(`${state} doctor`, system);
  limit?.close();
  if (limit !== undefined) return { name, state: "ok", found: `${text}, verified with a test process` };
  const remedy = "only the watchdog enforces budgets: keep them well below the machine's memory";
  return { name, state: "warning", found: text, remedy };
}

async function checkDisk({ models }: Subject): Promise<Check> {
  const name = "disk";
  const stats = await statfs(await nearestExisting(models)).catch(() => undefined);
  if (stats === undefined) return { name, state: "warning", found: `the free space for ${models} cannot be read` };
  const free = stats.bavail * stats.bsize;
  const found = `${formatBytes(free)} free for models`;
  if (free >= LITTLE_DISK_BYTES) return { name, state: "ok", found };
  return { name, state: "warning", found, remedy: "free space, or use a folder on another disk with --models" };
}

async function checkFolder(name: string, folder: string, flag: string): Promise<Check> {
  const nearest = await nearestExisting(folder);
  try {
    if (!(await stat(nearest)).isDirectory()) throw new Error(`${nearest} is not a folder`);
    await access(nearest, constants.W_OK);
    return { name, state: "ok", found: folder };
  } catch (error) {
    return {
      name,
      state: "failed",
      found: `${folder} cannot be written (${errorText(error)})`,
      remedy: `use another folder with ${flag}`,
    };
  }
}

/** The nearest ancestor that exists: a missing folder would be created in it. */
async function nearestExisting(folder: string): Promise<string> {
  const there = await stat(folder).catch(() => undefined);
  return there !== undefined || folder === dirname(folder) ? folder : nearestExisting(dirname(folder));
}

async function checkUser(): Promise<Check> {
  const name = "user";
  if (process.getuid?.() !== 0) return { name, state: "ok", found: "not root" };
  const remedy = "run the agent as the user who owns the models; it needs no privileges on a Mac";
  return { name, state: "warning", found: "root", remedy };
}

async function checkNetwork({ system }: Subject): Promise<Check> {
  if (system !== "darwin") return skipped("network", "not a Mac: there is no Local Network privacy");
  const found = "servers listen on 127.0.0.1 only, so Local Network privacy does not apply";
  return { name: "network", state: "ok", found };
}

function skipped(name: string, found: string): Check {
  return { name, state: "skipped", found };
}
