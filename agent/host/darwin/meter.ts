import type { GroupLeader, GroupMeter, GroupSample } from "../group-meter.ts";
import { isGone } from "../is-gone.ts";
import { readFootprints, readGroups } from "./footprint-command.ts";
import { type Libproc, openLibproc } from "./libproc.ts";

/** Reads footprints by system calls if they are available, else by one `ps` and one `footprint` command for all groups together. */
export function darwinMeter(libproc: Libproc | undefined = openLibproc()): GroupMeter {
  return libproc === undefined ? { measure: measureByCommands } : meterBySystemCalls(libproc);
}

function meterBySystemCalls(libproc: Libproc): GroupMeter {
  // The start of each leader as it was seen first. The platform's own notation of start times is that of `ps`, which this does not need.
  const startedAt = new Map<number, bigint>();
  const sampleOf = (pid: number): GroupSample => {
    const leader = libproc.usage(pid);
    const known = startedAt.get(pid);
    if (leader !== undefined && known !== undefined && leader.startedAt !== known) return "gone";
    if (leader !== undefined) startedAt.set(pid, leader.startedAt);
    const members = libproc.group(pid);
    if (members === undefined) return null;
    const all = members.length === 0 && leader !== undefined ? [pid] : members;
    return sumOf(all, (member) => libproc.usage(member)?.footprintBytes);
  };
  return {
    measure: async (leaders) => {
      const asked = new Set(leaders.map(({ pid }) => pid));
      for (const pid of startedAt.keys()) if (!asked.has(pid)) startedAt.delete(pid);
      return new Map(leaders.map(({ pid }) => [pid, sampleOf(pid)]));
    },
  };
}

async function measureByCommands(leaders: readonly GroupLeader[]): Promise<ReadonlyMap<number, GroupSample>> {
  const groups = await readGroups();
  if (groups === undefined) return new Map(leaders.map(({ pid }) => [pid, null]));
  const membersOf = (pid: number) => groups.get(pid) ?? (isGone(pid) ? [] : [pid]);
  const footprints = await readFootprints(leaders.flatMap(({ pid }) => membersOf(pid)));
  return new Map(leaders.map(({ pid }) => [pid, sumOf(membersOf(pid), (member) => footprints.get(member))]));
}

/** A member that cannot be measured and still runs makes the sum unknown. */
function sumOf(members: readonly number[], bytesOf: (pid: number) => number | undefined): GroupSample {
  let sum = 0;
  let alive = 0;
  for (const member of members) {
    const bytes = bytesOf(member);
    if (bytes === undefined && !isGone(member)) return null;
    sum += bytes ?? 0;
    alive += bytes === undefined ? 0 : 1;
  }
  return alive === 0 ? "gone" : sum;
}
