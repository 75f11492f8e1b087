import { readFile } from "node:fs/promises";

/** Clock ticks a second of /proc/PID/stat, on every Linux that runs Node. */
const TICKS = 100;

/** What a process has cost until now. Linux only. */
export interface Cost {
  readonly residentMiB: number;
  readonly peakMiB: number;
  readonly cpuSeconds: number;
}

export async function costUntilNow(pid: number): Promise<Cost> {
  const [status, stat] = await Promise.all([
    readFile(`/proc/${pid}/status`, "utf8"),
    readFile(`/proc/${pid}/stat`, "utf8"),
  ]);
  const kibibytes = (field: string) => Number(new RegExp(`^${field}:\\s+(\\d+)`, "m").exec(status)?.[1]);
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return {
    residentMiB: kibibytes("VmRSS") / 1024,
    peakMiB: kibibytes("VmHWM") / 1024,
    cpuSeconds: (Number(fields[11]) + Number(fields[12])) / TICKS,
  };
}
