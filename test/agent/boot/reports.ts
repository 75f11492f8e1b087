import { mkdir, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** Reports in the form of macOS, made up: none of them was recorded. Times are seconds since 1970, as the kernel prints them. */

export interface MadeUpPanic {
  readonly bootId?: string;
  readonly bootedAt?: number;
  readonly panickedAt?: number;
  /** The time of writing in its first line; none: the report has no such line, as before macOS 10.15. */
  readonly timestamp?: string;
}

export function panicText({ bootId, bootedAt, panickedAt, timestamp }: MadeUpPanic): string {
  const hex = (seconds: number) => `0x${seconds.toString(16).padStart(8, "0")} 0x000a6ac0`;
  const epoch = [
    "Epoch Time:        sec       usec",
    `  Boot    : ${hex(bootedAt ?? 0)}`,
    `  Sleep   : ${hex(0)}`,
    `  Wake    : ${hex(0)}`,
    `  Calendar: ${hex(panickedAt ?? 0)}`,
  ];
  const panic = [
    "panic(cpu 3 caller 0xfffffe0012345678): watchdog timeout: no checkins from watchdogd in 94 seconds",
    "Debugger message: panic",
    ...(bootId === undefined ? [] : [`Boot session UUID: ${bootId}`]),
    "Paniclog version: 14",
    ...(bootedAt === undefined && panickedAt === undefined ? [] : epoch),
    "Panicked task 0xfffffe1b00000000: 67178 pages, 13 threads: pid 0: kernel_task",
  ].join("\n");
  if (timestamp === undefined) return `${panic}\n`;
  const head = { bug_type: "210", timestamp, os_version: "macOS 15.4 (24E248)" };
  return `${JSON.stringify(head)}\n${JSON.stringify({ panicString: panic, bug_type: "210" }, null, 2)}\n`;
}

export interface MadeUpKill {
  readonly pid: number;
  readonly reason?: string;
}

export function jetsamText(timestamp: string, processes: readonly MadeUpKill[]): string {
  const head = { bug_type: "298", timestamp, os_version: "macOS 15.4 (24E248)" };
  const listed = processes.map(({ pid, reason }) => ({
    ...{ uuid: "", states: ["active"], rpages: 1000, pid, name: "llama-server" },
    ...(reason === undefined ? {} : { reason, killDelta: 13593 }),
  }));
  const body = {
    bug_type: "298",
    memoryStatus: { pageSize: 16384 },
    largestProcess: "llama-server",
    processes: listed,
  };
  return `${JSON.stringify(head)}\n${JSON.stringify(body, null, 2)}\n`;
}

/** Writes a report as if at `writtenAt`, in milliseconds since 1970. */
export async function putReport(folder: string, name: string, text: string, writtenAt = Date.now()): Promise<string> {
  await mkdir(folder, { recursive: true });
  const path = join(folder, name);
  await writeFile(path, text);
  await utimes(path, new Date(writtenAt), new Date(writtenAt));
  return path;
}
