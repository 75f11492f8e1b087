/** What the system shows about the processes that a record may describe. */
export interface Traces {
  readonly sameBoot: boolean;
  /** Start time of the process that has the record's pid now; null when there is none. */
  readonly startTime: string | null;
  /** Pids of the processes that write the record's log file, which the agent gives to no other process. */
  readonly writers: readonly number[];
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
 * forked, that is the one that was spawned.
 */
export function adoptionOf({ pid, startTime: recorded, adoptable }: RecordedProcess, traces: Traces): Adoption {
  const { sameBoot, startTime, writers } = traces;
  if (!sameBoot) return { end: [] };
  const known = pid !== undefined && startTime !== null && (recorded === startTime || writers.includes(pid));
  const ours = known ? [pid, ...writers.filter((writer) => writer !== pid)] : writers;
  const [first] = ours;
  return adoptable && first !== undefined && (known || pid === undefined) ? { adopt: first, end: [] } : { end: ours };
}
