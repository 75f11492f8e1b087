import { readFileSync } from "node:fs";
import type { GroupLeader, GroupSample } from "../group-meter.ts";
import { kibibytes } from "../kibibytes.ts";

/** Share of the budget up to which a rough figure will do: it is never too low, but for what another process shares and is swapped out. */
const FAR = 0.8;
/** Rough figures in a row before the next exact one. */
const ROUGH_SAMPLES = 10;
/** Share by which both may differ: the kernel counts a rough one with a little delay. */
const SAME = 0.01;

/** Measures one process, exactly or roughly. */
export type MeasureProcess = (leader: GroupLeader) => GroupSample;

/**
 * For the exact figure the kernel walks through all pages of a process: 2 ms for 350 MiB, 32 ms for 4 GiB. It also counts them as they come
 * and go, which costs 15 us to read. The two differ where pages are shared with other processes, so the count stands in only for a process
 * for which both were the same lately, and which is far from its budget.
 *
 * @param exact from smaps_rollup
 */
export function thriftily(exact: (pid: number) => GroupSample, proc: string): MeasureProcess {
  /** By pid, how many more rough figures may follow. */
  const left = new Map<number, number>();
  return ({ pid, budget }) => {
    const rough = budget === undefined ? null : roughBytes(pid, proc);
    const isFar = rough !== null && budget !== undefined && rough < budget.bytes * FAR;
    const credit = left.get(pid) ?? 0;
    if (isFar && credit > 0) {
      left.set(pid, credit - 1);
      return rough;
    }
    const bytes = exact(pid);
    if (typeof bytes !== "number") left.delete(pid);
    else left.set(pid, rough !== null && Math.abs(rough - bytes) <= bytes * SAME ? ROUGH_SAMPLES : 0);
    return bytes;
  };
}

/** `RssAnon` + `RssShmem` + `VmSwap` of /proc/PID/status, in bytes; null for a process that has ended. */
function roughBytes(pid: number, proc: string): number | null {
  try {
    const text = readFileSync(`${proc}/${pid}/status`, "utf8");
    const [anonymous, shared, swapped] = ["RssAnon", "RssShmem", "VmSwap"].map((key) => kibibytes(text, key));
    if (anonymous === undefined || shared === undefined) return null;
    return (anonymous + shared + (swapped ?? 0)) * 1024;
  } catch {
    return null;
  }
}
