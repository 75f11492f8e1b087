import { totalmem } from "node:os";
import { fail, ok, type Result } from "../../../api/result.ts";
import { outputOf } from "../command.ts";
import { isGone } from "../is-gone.ts";
import type { Platform, PressureLevel } from "../platform.ts";
import { parsePressureLevel } from "../pressure-levels.ts";

/**
 * A Mac with a GPU that llama-server can use. Fails without one, because a fallback to the CPU would be silent and slow. The tests
 * run without a Mac: they hold the parsers to recorded output (docs/background/apple-memory.md, "Not seen on a Mac") and replace the
 * commands by stand-ins on PATH.
 */
export async function openDarwin(llamaServer: string): Promise<Result<Platform>> {
  const devices = await outputOf(llamaServer, ["--list-devices"]);
  if (!devices.ok) return devices;
  const workingSetBytes = parseWorkingSet(devices.value);
  if (workingSetBytes === null) {
    return fail(
      `${llamaServer} --list-devices lists no Metal device (MTL0): install a llama-server that is built with Metal`,
    );
  }
  const boot = await outputOf("sysctl", ["-n", "kern.bootsessionuuid"]);
  if (!boot.ok) return boot;
  return ok({
    backend: "metal",
    hostMemoryBytes: totalmem(),
    workingSetBytes,
    bootId: boot.value.trim(),
    pressure,
    availableBytes,
    cpuSeconds,
    startTime,
    writersOf,
    listenerOn,
  });
}

async function pressure(): Promise<PressureLevel | null> {
  const printed = await outputOf("sysctl", ["-n", "kern.memorystatus_vm_pressure_level"]);
  return printed.ok ? parsePressureLevel(printed.value) : null;
}

async function availableBytes(): Promise<number | null> {
  const printed = await outputOf("vm_stat", []);
  return printed.ok ? parseVmStat(printed.value) : null;
}

/**
 * Free, inactive and purgeable pages in bytes; null if one of these lines is missing. Speculative pages are not part of "free" and are
 * left out. Purgeable pages may be counted as inactive too, so this is an upper bound.
 */
export function parseVmStat(printed: string): number | null {
  const pageSize = /\(page size of (\d+) bytes\)/.exec(printed)?.[1];
  const pages = ["free", "inactive", "purgeable"].map(
    (key) => new RegExp(`^Pages ${key}:\\s+(\\d+)\\.$`, "m").exec(printed)?.[1],
  );
  if (pageSize === undefined || pages.includes(undefined)) return null;
  return pages.reduce((sum, count) => sum + Number(count), 0) * Number(pageSize);
}

async function cpuSeconds(leader: number): Promise<number | null> {
  const printed = await outputOf("ps", ["-axo", "pgid=,time="]);
  return printed.ok ? parseGroupTime(printed.value, leader) : null;
}

/** Output of `ps -axo pgid=,time=`: the sum for one group, in seconds; null if it has no process that can be read. */
export function parseGroupTime(printed: string, leader: number): number | null {
  const rows = printed.split("\n").map((line) => line.trim().split(/\s+/));
  const times = rows.flatMap(([group, time = ""]) => (Number(group) === leader ? (parsePsTime(time) ?? []) : []));
  return times.length === 0 ? null : times.reduce((sum, time) => sum + time, 0);
}

/** `ps -o time=`: `MM:SS.hh`, with hours and days before it where there are any; in seconds. */
export function parsePsTime(printed: string): number | null {
  const parts = /^(?:(\d+)-)?(?:(\d+):)?(\d+):(\d+(?:\.\d+)?)$/.exec(printed.trim());
  if (parts === null) return null;
  const [days = 0, hours = 0, minutes = 0, seconds = 0] = parts.slice(1).map((part) => Number(part ?? 0));
  return ((days * 24 + hours) * 60 + minutes) * 60 + seconds;
}

/** `ps` may fail because the machine is short of processes or memory: gone is only what the kernel does not know. */
async function startTime(pid: number): Promise<string | null | undefined> {
  const printed = await outputOf("ps", ["-o", "lstart=", "-p", String(pid)]);
  if (printed.ok && printed.value.trim() !== "") return printed.value.trim();
  return isGone(pid) ? null : undefined;
}

async function writersOf(path: string): Promise<readonly number[]> {
  // lsof exits with 1 and prints nothing if no process has the file open.
  const printed = await outputOf("lsof", ["-t", "-a", "-d", "1", "--", path]);
  return printed.ok ? parsePids(printed.value) : [];
}

/** Output of `lsof -t`: one pid per line. */
export function parsePids(printed: string): readonly number[] {
  return printed
    .split("\n")
    .filter((line) => /^\d+$/.test(line))
    .map(Number);
}

async function listenerOn(port: number): Promise<string | null> {
  const printed = await outputOf("lsof", ["-nP", `-iTCP:${port}`, "-sTCP:LISTEN", "-Fpc"]);
  return printed.ok ? parseListener(printed.value) : null;
}

/** Output of `lsof -Fpc`: one field per line, `p` before the pid and `c` before the command. */
export function parseListener(printed: string): string | null {
  const pid = /^p(\d+)$/m.exec(printed)?.[1];
  const command = /^c(.+)$/m.exec(printed)?.[1];
  return pid === undefined || command === undefined ? null : `${command} (pid ${pid})`;
}

/** The first number of `MTL0: Apple M4 Max (110100 MiB, 110100 MiB free)`, in bytes. The second one is per process, never added up. */
export function parseWorkingSet(devices: string): number | null {
  const match = /^\s*MTL0: .*\((\d+) MiB, \d+ MiB free\)\s*$/m.exec(devices);
  return match === null ? null : Number(match[1]) * 2 ** 20;
}
