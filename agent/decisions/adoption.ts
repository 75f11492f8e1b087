/** What was found out about the processes that a record may be about. */
export interface Traces {
  readonly sameBoot: boolean;
  /** The start time of the process that has the record's pid now; null: there is none. */
  readonly startTime: string | null;
  /** Pids of the processes that write the record's log file: given to nobody else. */
  readonly writers: readonly number[];
}

/** What a record says of the process that it is about. */
export interface RecordedProcess {
  readonly pid?: number | undefined;
  readonly startTime?: string | undefined;
  /** Whether it says what the process serves, in a form that this agent understands. */
  readonly adoptable: boolean;
}

/** `adopt`: the process is ours and goes on; all of `end` are ours too, and must go. */
export interface Adoption {
  readonly adopt?: number;
  readonly end: readonly number[];
}

/**
 * What to do about a record that an earlier agent left. Ours are only a process whose pid, start time and boot are the
 * record's, and processes that write its log: anybody else may have the pid by now. One of them is adopted, where the record
 * says what it serves; of a server that forked, the one that was spawned.
 */
export function adoptionOf({ pid, startTime: recorded, adoptable }: RecordedProcess, traces: Traces): Adoption {
  const { sameBoot, startTime, writers } = traces;
  if (!sameBoot) return { end: [] };
  const known = pid !== undefined && startTime !== null && (recorded === startTime || writers.includes(pid));
  const ours = known ? [pid, ...writers.filter((writer) => writer !== pid)] : writers;
  const [first] = ours;
  return adoptable && first !== undefined && (known || pid === undefined) ? { adopt: first, end: [] } : { end: ours };
}
