import { readdir, readFile, readlink, realpath } from "node:fs/promises";
import { totalmem } from "node:os";
import { ok, type Result } from "../../api/result.ts";
import type { Platform } from "./platform.ts";

/** The stand-in for a Mac: what the GPU would share is the process's own anonymous memory (apple-memory.md §7). */
export async function openLinux(): Promise<Result<Platform>> {
  const bootId = await readFile("/proc/sys/kernel/random/boot_id", "utf8");
  return ok({
    backend: "cpu",
    hostMemoryBytes: memoryOfThisMachine(),
    bootId: bootId.trim(),
    footprintBytes: async (pid) => parseSmapsRollup(await proc(pid, "smaps_rollup")),
    startTime: async (pid) => parseStartTime(await proc(pid, "stat")),
    writersOf,
  });
}

async function writersOf(path: string): Promise<readonly number[]> {
  const file = await realpath(path).catch(() => undefined);
  if (file === undefined) return [];
  const pids = (await readdir("/proc")).filter((entry) => /^\d+$/.test(entry));
  const outputs = await Promise.all(pids.map((pid) => readlink(`/proc/${pid}/fd/1`).catch(() => "")));
  return pids.filter((_, index) => outputs[index] === file).map(Number);
}

/** Physical memory, or less inside a memory control group. */
function memoryOfThisMachine(): number {
  const limit = process.constrainedMemory();
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem();
}

async function proc(pid: number, file: string): Promise<string> {
  return readFile(`/proc/${pid}/${file}`, "utf8").catch(() => "");
}

/** `Pss_Anon` + `Pss_Shmem` + `SwapPss` of smaps_rollup, in bytes; swap is absent on kernels without it. */
export function parseSmapsRollup(text: string): number | null {
  const anonymous = kibibytes(text, "Pss_Anon");
  const shared = kibibytes(text, "Pss_Shmem");
  if (anonymous === undefined || shared === undefined) return null;
  return (anonymous + shared + (kibibytes(text, "SwapPss") ?? 0)) * 1024;
}

function kibibytes(text: string, key: string): number | undefined {
  const match = new RegExp(`^${key}:\\s+(\\d+) kB$`, "m").exec(text);
  return match === null ? undefined : Number(match[1]);
}

/** Field 22 of /proc/PID/stat, ticks since boot; a zombie is no process any more. The name may hold spaces and parentheses. */
export function parseStartTime(stat: string): string | null {
  const [state, ...rest] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return state === undefined || state === "Z" || state === "X" ? null : (rest[18] ?? null);
}
