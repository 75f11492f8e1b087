import { spawn } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";

/** Before it is watched: what a start leaves behind has settled by then. */
const SETTLED_MS = 10_000;
const WATCHED_MS = 30_000;
const TRACED_MS = 10_000;
/** Clock ticks a second of /proc/PID/stat, on every Linux that runs Node. */
const TICKS = 100;

/** What one process costs while nothing happens. */
export interface ProcessCost {
  readonly residentBytes: number;
  /** Its share of what it shares with others. */
  readonly proportionalBytes: number;
  /** In percent of one core. */
  readonly cpuPercent: number;
  /** Of all its threads, a second; undefined where strace is not there. */
  readonly systemCalls: number | undefined;
  /** To disks, a minute. */
  readonly writtenBytes: number;
}

export async function costOf(pid: number): Promise<ProcessCost> {
  await sleep(SETTLED_MS);
  const [ticks, written] = [await cpuTicks(pid), await writtenBytes(pid)];
  await sleep(WATCHED_MS);
  const seconds = WATCHED_MS / 1000;
  const cpuPercent = ((await cpuTicks(pid)) - ticks) / TICKS / seconds / 0.01;
  const writtenAMinute = ((await writtenBytes(pid)) - written) * (60 / seconds);
  return {
    residentBytes: await kibibytes(pid, "smaps_rollup", "Rss"),
    proportionalBytes: await kibibytes(pid, "smaps_rollup", "Pss"),
    cpuPercent,
    writtenBytes: writtenAMinute,
    // Last: a process that is traced is slower.
    systemCalls: await systemCalls(pid),
  };
}

/** The watchdog process of an agent. */
export async function watchdogOf(agent: number): Promise<number | undefined> {
  const pids = (await readdir("/proc")).filter((entry) => /^\d+$/.test(entry));
  for (const pid of pids) {
    const [status, command] = await Promise.all([contents(pid, "status"), contents(pid, "cmdline")]);
    const parent = Number(/^PPid:\s+(\d+)$/m.exec(status)?.[1]);
    if (parent === agent && command.split("\0").some((word) => /\bwatchdog\/main\.[jt]s$/.test(word))) {
      return Number(pid);
    }
  }
  return undefined;
}

async function cpuTicks(pid: number): Promise<number> {
  const stat = await contents(pid, "stat");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return Number(fields[11]) + Number(fields[12]);
}

async function writtenBytes(pid: number): Promise<number> {
  return Number(/^write_bytes: (\d+)$/m.exec(await contents(pid, "io"))?.[1]);
}

async function kibibytes(pid: number, file: string, field: string): Promise<number> {
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, "m").exec(await contents(pid, file))?.[1]) * 1024;
}

/** Empty for a process that is gone. */
async function contents(pid: number | string, file: string): Promise<string> {
  return readFile(`/proc/${pid}/${file}`, "utf8").catch(() => "");
}

/** By `strace -c`; undefined where it is not there, or may not trace. */
async function systemCalls(pid: number): Promise<number | undefined> {
  const child = spawn("strace", ["-f", "-c", "-p", String(pid)], { stdio: ["ignore", "ignore", "pipe"] });
  let printed = "";
  child.stderr.on("data", (chunk) => (printed += String(chunk)));
  const ended = new Promise<void>((resolve) => {
    child.once("error", () => resolve());
    child.once("close", () => resolve());
  });
  await sleep(TRACED_MS);
  child.kill("SIGINT");
  await ended;
  const calls = /^100\.00\s+\S+\s+\S+\s+(\d+)\s.*total$/m.exec(printed)?.[1];
  return calls === undefined ? undefined : Number(calls) / (TRACED_MS / 1000);
}
