import { readdirSync, readFileSync } from "node:fs";
import { errorCode } from "../../../api/error-code.ts";
import type { GroupLeader, GroupMeter, GroupSample } from "../group-meter.ts";
import { kibibytes } from "../kibibytes.ts";
import { sameStart } from "../start-time.ts";
import { type MeasureProcess, thriftily } from "./rough.ts";

/** The fields of /proc/PID/stat that matter here. */
interface Stat {
  /** It has exited, and its parent has not asked how. */
  readonly zombie: boolean;
  readonly group: number;
  readonly startTime: string;
}

/** A process rarely changes its group: after this many rounds all are looked at anew. */
const ROUNDS_KEPT = 30;

/**
 * Reads /proc synchronously: no file operation on another disk, and no full thread pool, can hold it up. Between two rounds only
 * processes that are new are asked for their group.
 */
export function linuxMeter(proc: string = "/proc"): GroupMeter {
  let groups = new Map<number, number>();
  let rounds = 0;
  const single = thriftily((pid) => processBytes(pid, proc), proc);
  return {
    measure: async (leaders) => {
      rounds += 1;
      try {
        groups = groupsNow(proc, rounds % ROUNDS_KEPT === 0 ? new Map() : groups);
      } catch {
        return new Map(leaders.map(({ pid }) => [pid, null]));
      }
      return new Map(leaders.map((leader) => [leader.pid, sampleOf(proc, leader, groups, single)]));
    },
    // VmHWM counts mapped files in: it is no peak of what a budget is about.
    peakBytes: () => undefined,
  };
}

function groupsNow(proc: string, known: ReadonlyMap<number, number>): Map<number, number> {
  const groups = new Map<number, number>();
  for (const entry of readdirSync(proc)) {
    const pid = Number(entry);
    if (!Number.isInteger(pid)) continue;
    const group = known.get(pid) ?? statOf(proc, pid)?.group;
    if (group !== undefined) groups.set(pid, group);
  }
  return groups;
}

/** @param single measures a process that is alone in its group */
function sampleOf(
  proc: string,
  held: GroupLeader,
  groups: ReadonlyMap<number, number>,
  single: MeasureProcess,
): GroupSample {
  const { pid, startTime } = held;
  const leader = statOf(proc, pid);
  // The pid belongs to somebody else now. It is not given away while its group has members, so that group is empty.
  if (startTime !== undefined && leader !== undefined && sameStart(leader.startTime, startTime) === false)
    return "gone";
  const members = [...groups].filter(([member, group]) => group === pid && member !== pid).map(([member]) => member);
  // The leader may have been seen before it had made its group: for itself it is asked anew.
  const all = leader === undefined ? members : leader.group === pid ? [pid, ...members] : [pid];
  if (all.length === 1 && all[0] === pid) return single(held);
  const amounts = all.map((member) => processBytes(member, proc));
  if (amounts.includes(null)) return null;
  const alive = amounts.filter((bytes) => typeof bytes === "number");
  return alive.length === 0 ? "gone" : alive.reduce((sum, bytes) => sum + bytes, 0);
}

function statOf(proc: string, pid: number): Stat | undefined {
  try {
    return parseStat(readFileSync(`${proc}/${pid}/stat`, "utf8"));
  } catch {
    return undefined;
  }
}

/** The process name in it may hold spaces and parentheses. */
function parseStat(stat: string): Stat | undefined {
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [state, , group] = fields;
  const startTime = fields[19];
  if (state === undefined || group === undefined || startTime === undefined) return undefined;
  return { zombie: state === "Z" || state === "X", group: Number(group), startTime };
}

/** Bytes that one process holds; null: cannot be measured now; `gone`: there is no such process, or it has exited. */
export function processBytes(pid: number, proc: string = "/proc"): GroupSample {
  try {
    const bytes = parseSmapsRollup(readFileSync(`${proc}/${pid}/smaps_rollup`, "utf8"));
    if (bytes !== null) return bytes;
  } catch (error) {
    if (["ENOENT", "ESRCH"].includes(errorCode(error) ?? "")) return "gone";
  }
  const stat = statOf(proc, pid);
  return stat === undefined || stat.zombie ? "gone" : null;
}

/** `Pss_Anon` + `Pss_Shmem` + `SwapPss` of smaps_rollup, in bytes. Kernels without swap have no `SwapPss`. */
export function parseSmapsRollup(text: string): number | null {
  const anonymous = kibibytes(text, "Pss_Anon");
  const shared = kibibytes(text, "Pss_Shmem");
  if (anonymous === undefined || shared === undefined) return null;
  return (anonymous + shared + (kibibytes(text, "SwapPss") ?? 0)) * 1024;
}
