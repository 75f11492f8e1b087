import { sameStart } from "../host/start-time.ts";

/** What the system shows about the processes that a record may describe. */
export interface Traces {
  readonly sameBoot: boolean;
  /** Start time of the process that has the record's pid now; null when there is none. */
  readonly startTime: string | null;
  /** Pids of the processes that write the record's log file, which the agent gives to no other process; undefined: not known. */
  readonly writers: readonly number[] | undefined;
}

/** What a record says about its process. */
export interface RecordedProcess {
  readonly pid?: number | undefined;
  readonly startTime?: string | undefined;
  /** Whether it says what the process serves, in a version that this agent understands. */
  readonly adoptable: boolean;
}

/** Pids of our processes: `adopt` keeps running under this agent, all of `end` are orphans to be ended. */
export interface Adoption {
  readonly adopt?: number;
  readonly end: readonly number[];
}

/**
 * Decides what to do with the processes of a record that an earlier agent left.
 *
 * A process is ours if its pid, start time and boot match the record, or if it writes the record's log. The pid alone proves nothing:
 * the system may have given it to another process since. One process is adopted if the record says what it serves; if the server
 * forked, that is the one that was spawned. `unknown`: the system does not show whose a process is, so nothing may be adopted, ended or
 * forgotten. That is so, too, where an agent that could not use the system calls of macOS wrote the start time in another notation.
 */
export function adoptionOf(
  { pid, startTime: recorded, adoptable }: RecordedProcess,
  { sameBoot, startTime, writers }: Traces,
): Adoption | "unknown" {
  if (!sameBoot) return { end: [] };
  const lives = pid !== undefined && startTime !== null;
  const isSame = lives && recorded !== undefined ? sameStart(recorded, startTime) : false;
  const known = lives && (isSame === true || writers?.includes(pid) === true);
  if (!known && (isSame === undefined || writers === undefined)) return "unknown";
  const others = (writers ?? []).filter((writer) => writer !== pid || !known);
  const ours = known ? [pid, ...others] : others;
  const [first] = ours;
  return adoptable && first !== undefined && (known || pid === undefined) ? { adopt: first, end: [] } : { end: ours };
}
