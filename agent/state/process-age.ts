import { readFile } from "node:fs/promises";
import { outputOf } from "../host/command.ts";
import { MAC } from "../host/darwin/mac-paths.ts";

/** Ticks of /proc/PID/stat in a second: the kernel's interface to programs, the same on every machine. */
const TICKS = 100;

/** For how many milliseconds a process has run; undefined where that cannot be read. */
export async function processAgeMs(pid: number): Promise<number | undefined> {
  if (process.platform !== "linux") {
    const printed = await outputOf(MAC.ps, ["-o", "etime=", "-p", String(pid)]);
    return printed.ok ? parseElapsed(printed.value.trim()) : undefined;
  }
  try {
    const [stat, uptime] = await Promise.all([readFile(`/proc/${pid}/stat`, "utf8"), readFile("/proc/uptime", "utf8")]);
    // What follows the name, which may hold anything in its parentheses: the 20th field from there is the start.
    const began = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19]);
    const age = (Number(uptime.split(" ")[0]) - began / TICKS) * 1000;
    return Number.isFinite(age) ? Math.max(age, 0) : undefined;
  } catch {
    return undefined;
  }
}

/** `[[days-]hours:]minutes:seconds`, as `ps -o etime` prints it, in milliseconds. */
export function parseElapsed(text: string): number | undefined {
  const [, days = "0", hours = "0", minutes, seconds] = /^(?:(?:(\d+)-)?(\d+):)?(\d+):(\d+)$/.exec(text) ?? [];
  if (minutes === undefined) return undefined;
  return (((Number(days) * 24 + Number(hours)) * 60 + Number(minutes)) * 60 + Number(seconds)) * 1000;
}
