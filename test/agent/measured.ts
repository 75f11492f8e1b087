import { readFileSync } from "node:fs";

/**
 * Memory of a process in bytes, as docs/agent.md defines it for Linux: `Pss_Anon + Pss_Shmem + SwapPss`. Read here once more, because
 * an observer of the agent shares no code with it. 0 for a process that has ended.
 */
export function measuredBytes(pid: number | "self"): number {
  let text = "";
  try {
    text = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
  } catch {
    return 0;
  }
  const kibibytes = [...text.matchAll(/^(?:Pss_Anon|Pss_Shmem|SwapPss):\s+(\d+) kB$/gm)].map((match) =>
    Number(match[1]),
  );
  return kibibytes.reduce((sum, each) => sum + each, 0) * 1024;
}
