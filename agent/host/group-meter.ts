/**
 * Bytes that the processes of one group hold together. null: they cannot be measured now, which proves nothing. `gone`: there is
 * certainly no such group any more.
 */
export type GroupSample = number | null | "gone";

/** The process that leads a group. */
export interface GroupLeader {
  readonly pid: number;
  /** In the notation of the platform; another process with the same pid is not the one that is meant. Undefined: not known. */
  readonly startTime?: string | undefined;
  /** What it is held to: far below it, a figure that costs less may do. Undefined: it is always measured exactly. */
  readonly budget?: { readonly bytes: number } | undefined;
}

/**
 * Measures whole process groups, because a wrapper script holds next to nothing while the server that it started holds everything. A
 * process that leads no group is measured alone.
 */
export interface GroupMeter {
  /** By the pid of the leader. Never throws. */
  measure(leaders: readonly GroupLeader[]): Promise<ReadonlyMap<number, GroupSample>>;
  /**
   * The most that one process of a group has ever held at once, in bytes, as of the last measurement: the largest of the peaks, because
   * their sum is more than the group ever held together. Undefined where the system does not tell.
   */
  peakBytes(leader: number): number | undefined;
}
