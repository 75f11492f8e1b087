import { outputOf, runCommand } from "../command.ts";

/** A sample that takes longer is none. */
const TIMEOUT_MS = 2000;

/**
 * Footprints in bytes by pid, by one `footprint` command for all; a process that it does not print is missing. One that has just ended
 * makes it fail, and says nothing about the others.
 */
export async function readFootprints(pids: readonly number[], footprint: string): Promise<ReadonlyMap<number, number>> {
  if (pids.length === 0) return new Map();
  const processes = pids.flatMap((pid) => ["-p", String(pid)]);
  const { stdout } = await runCommand(footprint, [...processes, "-f", "bytes", "--noCategories"], TIMEOUT_MS);
  return parseFootprints(stdout);
}

/** Pids by process group, for all processes; undefined if `ps` fails. */
export async function readGroups(ps: string): Promise<ReadonlyMap<number, readonly number[]> | undefined> {
  const printed = await outputOf(ps, ["-axo", "pid=,pgid="], TIMEOUT_MS);
  return printed.ok ? parseGroups(printed.value) : undefined;
}

/** Output of `ps -o pid=,pgid=`. */
export function parseGroups(printed: string): ReadonlyMap<number, readonly number[]> {
  const groups = new Map<number, number[]>();
  for (const line of printed.split("\n")) {
    const [, pid, group] = /^\s*(\d+)\s+(\d+)\s*$/.exec(line) ?? [];
    if (pid === undefined || group === undefined) continue;
    const members = groups.get(Number(group)) ?? [];
    groups.set(Number(group), [...members, Number(pid)]);
  }
  return groups;
}

/** Output of `footprint -f bytes` for several processes: one section each. */
export function parseFootprints(printed: string): ReadonlyMap<number, number> {
  const footprints = new Map<number, number>();
  for (const section of printed.split(/^(?=\S.*\[\d+\]: )/m)) {
    const pid = Number(/\[(\d+)\]: /.exec(section)?.[1]);
    const bytes = parseFootprint(section, pid);
    if (bytes !== null) footprints.set(pid, bytes);
  }
  return footprints;
}

/** The exact figure of one section, in bytes; null if it is about another process than `pid`. */
export function parseFootprint(printed: string, pid: number): number | null {
  const header = /\[(\d+)\]: .*?Footprint: (\d+(?:\.\d+)?) (\w+)/.exec(printed);
  if (header === null || Number(header[1]) !== pid) return null;
  const exact = /^\s*phys_footprint: (\d+) B$/m.exec(printed)?.[1];
  if (exact !== undefined) return Number(exact);
  return header[3] === "B" ? Number(header[2]) : null;
}
