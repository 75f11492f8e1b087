import { outputOf } from "../../agent/host/command.ts";
import { openLibproc } from "../../agent/host/darwin/libproc.ts";
import type { MacPaths } from "../../agent/host/darwin/mac-paths.ts";
import { openPlatform } from "../../agent/host/open.ts";
import type { PressureLevel } from "../../agent/host/platform.ts";
import { parsePressureLevel } from "../../agent/host/pressure-levels.ts";
import { openKernelLimit } from "../../agent/kernel-limit/open.ts";
import type { Finding, Subject } from "./check.ts";

async function sysctl({ sysctl }: MacPaths, key: string): Promise<string | undefined> {
  const printed = await outputOf(sysctl, ["-n", key]);
  return printed.ok && printed.value.trim() !== "" ? printed.value.trim() : undefined;
}

export async function checkChip({ mac }: Subject): Promise<Finding> {
  const chip = await sysctl(mac, "machdep.cpu.brand_string");
  if (chip === undefined) return { state: "warning", found: "the kernel does not name it" };
  if (/^(?:Virtual)?Apple\b/.test(chip)) return { state: "ok", found: chip };
  return { state: "failed", found: chip, remedy: "use a Mac with Apple silicon: the agent counts on unified memory" };
}

/** The oldest version for which anything here was read in Apple's sources. */
const LEAST_MACOS = 14;

export async function checkVersion({ mac }: Subject): Promise<Finding> {
  const printed = await outputOf(mac.swVers, ["-productVersion"]);
  if (!printed.ok) return { state: "warning", found: printed.error };
  const version = printed.value.trim();
  if (Number.parseInt(version, 10) >= LEAST_MACOS) return { state: "ok", found: version };
  return {
    state: "warning",
    found: version,
    remedy: `update to macOS ${LEAST_MACOS} or later: older ones were not looked at`,
  };
}

/** Node.js under Rosetta is x64. A program that it starts may then run as x64 too. */
export async function checkRosetta({ mac, architecture }: Subject): Promise<Finding> {
  const translated = architecture === "x64" || (await sysctl(mac, "sysctl.proc_translated")) === "1";
  if (!translated) return { state: "ok", found: `not used: Node.js is ${architecture}` };
  const remedy = "install Node.js for arm64 (brew install node, in /opt/homebrew)";
  return { state: "warning", found: "Node.js is built for Intel, and macOS translates it", remedy };
}

export async function checkFileVault({ mac }: Subject): Promise<Finding> {
  const printed = await outputOf(mac.fdesetup, ["status"]);
  if (!printed.ok) return { state: "warning", found: printed.error };
  const [status = ""] = printed.value.trim().split("\n");
  if (/^FileVault is Off/.test(status)) return { state: "ok", found: "off" };
  return {
    state: "warning",
    found: `${status.replace(/\.$/, "")}: after a restart nothing runs before somebody unlocks the disk`,
    remedy: "restart with sudo fdesetup authrestart where nobody will be there to do it",
  };
}

/** Output of `pmset -g custom`: minutes until the Mac sleeps, by source of power; 0 is never. */
export function parseSleep(printed: string): ReadonlyMap<string, number> {
  const minutes = new Map<string, number>();
  let source = "";
  for (const line of printed.split("\n")) {
    source = /^(\S.*):\s*$/.exec(line)?.[1] ?? source;
    const found = /^\s+sleep\s+(\d+)/.exec(line)?.[1];
    if (found !== undefined) minutes.set(source, Number(found));
  }
  return minutes;
}

export async function checkSleep({ mac }: Subject): Promise<Finding> {
  const printed = await outputOf(mac.pmset, ["-g", "custom"]);
  if (!printed.ok) return { state: "warning", found: printed.error };
  const minutes = [...parseSleep(printed.value)];
  if (minutes.length === 0) return { state: "warning", found: "pmset tells no setting for sleep" };
  const found = minutes
    .map(([source, after]) => `${source}: ${after === 0 ? "never" : `after ${after} min`}`)
    .join(", ");
  if (minutes.every(([source, after]) => after === 0 || source === "Battery Power")) return { state: "ok", found };
  const remedy = "sudo pmset -c sleep 0 keeps it awake on its charger: while it sleeps, no model answers";
  return { state: "warning", found, remedy };
}

export async function checkSystemCalls({ mac }: Subject): Promise<Finding> {
  if (openLibproc(mac.libSystem) !== undefined) return { state: "ok", found: "loaded: memory is read by system calls" };
  return {
    state: "warning",
    found: "not loaded: each look at the memory of models starts processes, which fails when memory is short",
    remedy:
      "install again with optional dependencies, on the Node.js that runs the agent: npm install --include=optional",
  };
}

export async function checkWiredLimit({ mac }: Subject): Promise<Finding> {
  const megabytes = await sysctl(mac, "iogpu.wired_limit_mb");
  if (megabytes === undefined) return { state: "ok", found: "this Mac does not have one, as some virtual machines" };
  if (megabytes === "0") return { state: "ok", found: "system default" };
  const remedy = "reset it with sudo sysctl iogpu.wired_limit_mb=0, or restart the Mac";
  return { state: "warning", found: `set to ${megabytes} MB`, remedy };
}

export async function checkPressure(subject: Subject): Promise<Finding> {
  const level = await pressureOf(subject);
  if (level === null) return { state: "warning", found: "cannot be read, so no model would start" };
  if (level === "normal") return { state: "ok", found: level };
  return { state: "warning", found: level, remedy: "quit other applications that use memory" };
}

async function pressureOf({ system, mac }: Subject): Promise<PressureLevel | null> {
  if (system === "darwin") return parsePressureLevel((await sysctl(mac, "kern.memorystatus_vm_pressure_level")) ?? "");
  const platform = await openPlatform(system);
  return platform.ok ? platform.value.pressure() : null;
}

export async function checkKernelCap({ state, system }: Subject): Promise<Finding> {
  const { limit, text } = await openKernelLimit(`${state} doctor`, system);
  limit?.close();
  if (limit !== undefined) return { state: "ok", found: `${text}, verified with a test process` };
  const remedy = "only the watchdog enforces budgets: keep them well below the machine's memory";
  return { state: "warning", found: text, remedy };
}

export async function checkUser(): Promise<Finding> {
  if (process.getuid?.() !== 0) return { state: "ok", found: "not root" };
  const remedy = "run the agent as the user who owns the models; it needs no privileges on a Mac";
  return { state: "warning", found: "root", remedy };
}

export async function checkNetwork(): Promise<Finding> {
  return { state: "ok", found: "servers listen on 127.0.0.1 only, so Local Network privacy does not apply" };
}
