import { readFileSync } from "node:fs";
import { readdir, readFile, readlink, realpath } from "node:fs/promises";
import { totalmem } from "node:os";
import { errorCode } from "../../../api/error-code.ts";
import { ok, type Result } from "../../../api/result.ts";
import { kibibytes } from "../kibibytes.ts";
import type { Platform } from "../platform.ts";
import { levelOf } from "../pressure-levels.ts";

/**
 * Linux as a stand-in for a Mac: the anonymous memory of a process stands for what it would share with the GPU
 * (docs/background/apple-memory.md, "Linux as a stand-in").
 */
export async function openLinux(): Promise<Result<Platform>> {
  const bootId = await readFile("/proc/sys/kernel/random/boot_id", "utf8");
  return ok({
    backend: "cpu",
    hostMemoryBytes: memoryOfThisMachine(),
    bootId: bootId.trim(),
    pressure: async () => levelOf(kernelText("/proc/meminfo"), kernelText("/proc/pressure/memory")),
    availableBytes: async () => parseMeminfo(kernelText("/proc/meminfo")),
    cpuSeconds,
    startTime,
    writersOf,
    listenerOn,
  });
}

/** Read synchronously: it is on no disk, and each step in the thread pool would cost more than the reading. Empty if it cannot be read. */
function kernelText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

async function writersOf(path: string): Promise<readonly number[]> {
  const file = await realpath(path).catch(() => undefined);
  if (file === undefined) return [];
  const pids = await allPids();
  const outputs = await Promise.all(pids.map((pid) => readlink(`/proc/${pid}/fd/1`).catch(() => "")));
  return pids.filter((_, index) => outputs[index] === file).map(Number);
}

async function cpuSeconds(leader: number): Promise<number | null> {
  const stats = await Promise.all((await allPids()).map((pid) => proc(Number(pid), "stat")));
  return groupCpuSeconds(stats, leader);
}

/** @param stats the contents of /proc/PID/stat of all processes */
export function groupCpuSeconds(stats: readonly string[], leader: number): number | null {
  const ours = stats.filter((stat) => Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[2]) === leader);
  const times = ours.map(parseCpuSeconds).filter((time) => time !== null);
  return times.length === 0 ? null : times.reduce((sum, time) => sum + time, 0);
}

async function allPids(): Promise<readonly string[]> {
  return (await readdir("/proc")).filter((entry) => /^\d+$/.test(entry));
}

async function listenerOn(port: number): Promise<string | null> {
  const tables = await Promise.all(
    ["tcp", "tcp6"].map((table) => readFile(`/proc/net/${table}`, "utf8").catch(() => "")),
  );
  const sockets = new Set(tables.flatMap((table) => parseListeners(table, port)).map((inode) => `socket:[${inode}]`));
  for (const pid of await allPids()) {
    const descriptors = await readdir(`/proc/${pid}/fd`).catch(() => []);
    const targets = await Promise.all(descriptors.map((fd) => readlink(`/proc/${pid}/fd/${fd}`).catch(() => "")));
    if (targets.some((target) => sockets.has(target))) {
      return `${(await proc(Number(pid), "comm")).trim()} (pid ${pid})`;
    }
  }
  return null;
}

const LISTENING = "0A";

/** Inodes of the sockets that listen on `port`. /proc/net/tcp: `sl local remote state queues timer retries uid timeout inode`. */
export function parseListeners(table: string, port: number): readonly string[] {
  const local = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  const rows = table.split("\n").map((line) => line.trim().split(/\s+/));
  return rows.flatMap((row) => (row[1]?.endsWith(local) && row[3] === LISTENING && row[9] ? [row[9]] : []));
}

/** Physical memory in bytes, or the limit of the control group if that is lower. */
function memoryOfThisMachine(): number {
  const limit = process.constrainedMemory();
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem();
}

async function startTime(pid: number): Promise<string | null | undefined> {
  try {
    return parseStartTime(await readFile(`/proc/${pid}/stat`, "utf8"));
  } catch (error) {
    return ["ENOENT", "ESRCH"].includes(errorCode(error) ?? "") ? null : undefined;
  }
}

async function proc(pid: number, file: string): Promise<string> {
  return readFile(`/proc/${pid}/${file}`, "utf8").catch(() => "");
}

/** `MemAvailable` of /proc/meminfo, in bytes. */
export function parseMeminfo(text: string): number | null {
  const available = kibibytes(text, "MemAvailable");
  return available === undefined ? null : available * 1024;
}

/** `USER_HZ`, the unit of times in /proc: 100 a second on every architecture that Node runs on. */
const TICKS_A_SECOND = 100;

/** Fields 14 and 15 of /proc/PID/stat: user and system time, in seconds. */
export function parseCpuSeconds(stat: string): number | null {
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [user, system] = [Number(fields[11]), Number(fields[12])];
  return Number.isFinite(user) && Number.isFinite(system) ? (user + system) / TICKS_A_SECOND : null;
}

/** Field 22 of /proc/PID/stat: clock ticks since boot; null for a zombie. The process name before it may hold spaces and parentheses. */
export function parseStartTime(stat: string): string | null {
  const [state, ...rest] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return state === undefined || state === "Z" || state === "X" ? null : (rest[18] ?? null);
}
