import { kibibytes } from "./kibibytes.ts";
import type { PressureLevel } from "./platform.ts";

/**
 * The number of `kern.memorystatus_vm_pressure_level`: 1, 2 or 4 (docs/background/apple-memory.md, "Memory pressure"); null for
 * anything else.
 */
export function parsePressureLevel(printed: string): PressureLevel | null {
  switch (printed.trim()) {
    case "1":
      return "normal";
    case "2":
      return "warning";
    case "4":
      return "critical";
    default:
      return null;
  }
}

/** Shares of available memory below which the level on Linux is critical or warning. */
const CRITICAL_SHARE = 0.03;
const WARNING_SHARE = 0.08;
/** Percent of the last ten seconds in which tasks waited for memory (PSI), from which on the level rises. */
const STALLED_PERCENT = 10;

/**
 * Linux has no pressure levels, so they are derived from the contents of `/proc/meminfo` and `/proc/pressure/memory`. A kernel
 * without the second file is judged by the first alone. Null if the first cannot be read.
 */
export function levelOf(meminfo: string, stalls: string): PressureLevel | null {
  const total = kibibytes(meminfo, "MemTotal");
  const available = kibibytes(meminfo, "MemAvailable");
  if (total === undefined || available === undefined || total === 0) return null;
  const share = available / total;
  if (share < CRITICAL_SHARE || stalled(stalls, "full") >= STALLED_PERCENT) return "critical";
  if (share < WARNING_SHARE || stalled(stalls, "some") >= STALLED_PERCENT) return "warning";
  return "normal";
}

function stalled(stalls: string, who: "some" | "full"): number {
  return Number(new RegExp(`^${who} avg10=(\\d+\\.\\d+) `, "m").exec(stalls)?.[1] ?? 0);
}
