import { existsSync } from "node:fs";
import { outputOf, runCommand } from "../command.ts";
import { isGone } from "../is-gone.ts";
import type { MacPaths } from "./mac-paths.ts";

// What is asked of the commands of macOS: always by whom only they can find, else where the system calls are not available.

export async function availableByVmStat({ vmStat }: MacPaths): Promise<number | null> {
  const printed = await outputOf(vmStat, []);
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

export async function cpuSecondsByPs(leader: number, { ps }: MacPaths): Promise<number | null> {
  const printed = await outputOf(ps, ["-axo", "pgid=,time="]);
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
export async function startTimeByPs(pid: number, { ps }: MacPaths): Promise<string | null | undefined> {
  const printed = await outputOf(ps, ["-o", "lstart=", "-p", String(pid)]);
  if (printed.ok && printed.value.trim() !== "") return printed.value.trim();
  return isGone(pid) ? null : undefined;
}

/**
 * Undefined if lsof failed, which proves nothing: it exits with 1 also where nobody has the file open, but says nothing then. It finds
 * files by device and inode, so that it does not matter by which of its paths a file is named.
 */
export async function writersByLsof(path: string, { lsof }: MacPaths): Promise<readonly number[] | undefined> {
  if (!existsSync(path)) return [];
  const { stdout, stderr, code, failure } = await runCommand(lsof, ["-w", "-t", "-a", "-d", "1", "--", path]);
  if (failure === undefined) return parsePids(stdout);
  return code === 1 && stderr.trim() === "" ? parsePids(stdout) : undefined;
}

/** Output of `lsof -t`: one pid per line. */
export function parsePids(printed: string): readonly number[] {
  return printed
    .split("\n")
    .filter((line) => /^\d+$/.test(line))
    .map(Number);
}

export async function listenerByLsof(port: number, { lsof }: MacPaths): Promise<string | null> {
  const printed = await outputOf(lsof, ["-nP", `-iTCP:${port}`, "-sTCP:LISTEN", "-Fpc"]);
  return printed.ok ? parseListener(printed.value) : null;
}

/** Output of `lsof -Fpc`: one field per line, `p` before the pid and `c` before the command. */
export function parseListener(printed: string): string | null {
  const pid = /^p(\d+)$/m.exec(printed)?.[1];
  const command = /^c(.+)$/m.exec(printed)?.[1];
  return pid === undefined || command === undefined ? null : `${command} (pid ${pid})`;
}
