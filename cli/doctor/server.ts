import { totalmem } from "node:os";
import { outputOf } from "../../agent/host/command.ts";
import { openPlatform } from "../../agent/host/open.ts";
import { buildNote, readBuild } from "../../agent/llama-server/build.ts";
import { readMetalDevice } from "../../agent/llama-server/devices.ts";
import { librariesProblem } from "../../agent/llama-server/libraries.ts";
import { readSupportedFlags } from "../../agent/llama-server/supported-flags.ts";
import { formatBytes } from "../../api/quantity.ts";
import { ok, type Result } from "../../api/result.ts";
import { describeAllocatable, type HostMemory, resolveAllocatable } from "../../memory/allocatable.ts";
import type { Finding, Subject } from "./check.ts";
import { skipped } from "./check.ts";

/** Whether it runs at all. */
export async function checkServer({ llamaServer }: Subject): Promise<Finding> {
  const runs = await outputOf(llamaServer, ["--version"]);
  if (runs.ok) return { state: "ok", found: "it runs" };
  const libraries = librariesProblem(llamaServer, runs.error);
  if (libraries !== undefined) return { state: "failed", found: libraries };
  const remedy = "brew install llama.cpp, or name the binary with --llama-server";
  return { state: "failed", found: runs.error, remedy };
}

const SLOW_MS = 2000;

/**
 * What it means that the first command of llama-server took so long: each of them starts Metal, which compiles its library of shaders where
 * it is not kept from before.
 */
export function coldLibrary(firstMs: number, { system }: Subject): Finding {
  if (system !== "darwin") return skipped("not a Mac");
  const seconds = (firstMs / 1000).toFixed(1);
  if (firstMs <= SLOW_MS) return { state: "ok", found: `ready after ${seconds} s` };
  return {
    state: "warning",
    found: `llama-server was ready after ${seconds} s: Metal's library was compiled, as after an update of macOS or llama.cpp`,
    remedy: "run doctor again: the next start should be fast",
  };
}

export async function checkBuild({ llamaServer }: Subject): Promise<Finding> {
  const build = await readBuild(llamaServer);
  const note = buildNote(build);
  if (note === undefined) return { state: "ok", found: build.text ?? "" };
  return { state: "warning", found: note, remedy: "brew upgrade llama.cpp, or keep budgets well above the estimates" };
}

export async function checkOptions({ llamaServer }: Subject): Promise<Finding> {
  const options = await readSupportedFlags(llamaServer);
  if (!options.ok) return { state: "failed", found: options.error };
  return { state: "ok", found: `${options.value.size} known; all that the agent needs are supported` };
}

export async function checkDevice({ llamaServer, system }: Subject): Promise<Finding> {
  if (system !== "darwin") return skipped("not a Mac: models run on the CPU");
  const bytes = await workingSetOf(llamaServer);
  if (bytes.ok) return { state: "ok", found: `working set ${formatBytes(bytes.value)}` };
  return { state: "failed", found: bytes.error, remedy: "install a llama-server that is built for Metal" };
}

async function workingSetOf(llamaServer: string): Promise<Result<number>> {
  const device = await readMetalDevice(llamaServer);
  return device.ok ? ok(device.value.workingSetBytes) : device;
}

export async function checkMemory(subject: Subject): Promise<Finding> {
  const memory = await memoryOf(subject);
  if (!memory.ok) return { state: "failed", found: memory.error };
  const allocatable = resolveAllocatable(memory.value);
  if (!allocatable.ok) return { state: "failed", found: allocatable.error };
  return {
    state: "ok",
    found: `all models together may use ${describeAllocatable(allocatable.value)} by default`,
  };
}

async function memoryOf({ llamaServer, system }: Subject): Promise<Result<HostMemory>> {
  if (system === "darwin") {
    const bytes = await workingSetOf(llamaServer);
    return bytes.ok ? ok({ backend: "metal", physicalMemoryBytes: totalmem(), workingSetBytes: bytes.value }) : bytes;
  }
  const platform = await openPlatform(system);
  if (!platform.ok) return platform;
  const { backend, hostMemoryBytes: physicalMemoryBytes } = platform.value;
  return ok({ backend, physicalMemoryBytes });
}
