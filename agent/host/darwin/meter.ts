import type { GroupLeader, GroupMeter, GroupSample } from "../group-meter.ts";
import { isGone } from "../is-gone.ts";
import { abstime, sameStart } from "../start-time.ts";
import { readFootprints, readGroups } from "./footprint-command.ts";
import { type Libproc, openLibproc } from "./libproc.ts";
import { MAC, type MacPaths } from "./mac-paths.ts";
import type { Usage } from "./process-usage.ts";

/** Reads footprints by system calls if they are available, else by one `ps` and one `footprint` command for all groups together. */
export function darwinMeter(
  mac: MacPaths = MAC,
  libproc: Libproc | undefined = openLibproc(mac.libSystem),
): GroupMeter {
  if (libproc !== undefined) return meterBySystemCalls(libproc);
  return { measure: (leaders) => measureByCommands(leaders, mac), peakBytes: () => undefined };
}

/** One reading of each process of a group gives its footprint, its peak and its start. */
function meterBySystemCalls(libproc: Libproc): GroupMeter {
  // By the pid of the leader, as it was seen first: the start time that is asked for may be in the notation of another agent.
  const startedAt = new Map<number, bigint>();
  const peaks = new Map<number, number>();
  const isAnother = ({ pid, startTime }: GroupLeader, now: bigint) => {
    const seen = startedAt.get(pid);
    return (
      (seen !== undefined && now !== seen) || (startTime !== undefined && sameStart(abstime(now), startTime) === false)
    );
  };
  const sampleOf = (held: GroupLeader): GroupSample => {
    const { pid } = held;
    const leader = libproc.usage(pid);
    if (leader !== undefined && leader !== "gone") {
      if (isAnother(held, leader.startedAt)) return "gone";
      startedAt.set(pid, leader.startedAt);
    }
    const members = libproc.group(pid);
    if (members === undefined) return null;
    const others = members.filter((member) => member !== pid).map((member) => libproc.usage(member));
    // A process that leads no group is measured alone. One that cannot be read and is in no list may be one.
    const all = leader === "gone" ? others : [leader, ...others];
    notePeak(peaks, pid, all);
    return sumOf(all.map((one) => (one === "gone" ? one : one?.footprintBytes)));
  };
  return {
    measure: async (leaders) => {
      const asked = new Set(leaders.map(({ pid }) => pid));
      for (const pid of startedAt.keys()) if (!asked.has(pid)) startedAt.delete(pid);
      for (const pid of peaks.keys()) if (!asked.has(pid)) peaks.delete(pid);
      return new Map(leaders.map((leader) => [leader.pid, sampleOf(leader)]));
    },
    peakBytes: (pid) => peaks.get(pid),
  };
}

type Reading = Usage | "gone" | undefined;

/** A peak stays that of the group after its process has exited. */
function notePeak(peaks: Map<number, number>, pid: number, readings: readonly Reading[]): void {
  const found = readings.flatMap((one) => (one === undefined || one === "gone" ? [] : (one.peakBytes ?? [])));
  if (found.length > 0) peaks.set(pid, Math.max(peaks.get(pid) ?? 0, ...found));
}

/** Undefined for a process that cannot be read, which makes the sum unknown. */
function sumOf(footprints: readonly (number | "gone" | undefined)[]): GroupSample {
  let sum = 0;
  let alive = 0;
  for (const bytes of footprints) {
    if (bytes === undefined) return null;
    if (bytes === "gone") continue;
    sum += bytes;
    alive += 1;
  }
  return alive === 0 ? "gone" : sum;
}

async function measureByCommands(
  leaders: readonly GroupLeader[],
  mac: MacPaths,
): Promise<ReadonlyMap<number, GroupSample>> {
  const groups = await readGroups(mac.ps);
  if (groups === undefined) return new Map(leaders.map(({ pid }) => [pid, null]));
  const membersOf = (pid: number) => groups.get(pid) ?? (isGone(pid) ? [] : [pid]);
  const footprints = await readFootprints(
    leaders.flatMap(({ pid }) => membersOf(pid)),
    mac.footprint,
  );
  const bytesOf = (pid: number) => footprints.get(pid) ?? (isGone(pid) ? "gone" : undefined);
  return new Map(leaders.map(({ pid }) => [pid, sumOf(membersOf(pid).map(bytesOf))]));
}
