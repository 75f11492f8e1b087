import type { State } from "../status-file.ts";

/** Why a workload stays down for a while, and until when. */
export interface BackOff {
  /** What status shows meanwhile: BackOff after a process has died, Failed where none could be started. */
  readonly state: Extract<State, "BackOff" | "Failed">;
  readonly reason: string;
  readonly message: string;
  /** In the clock's milliseconds. */
  readonly until: number;
}

/** Seconds of the first and of the longest wait. */
const WAITS = {
  /** A server that died: 1, 2, 4 ... 300. */
  crash: [1, 300],
  /** One that outgrew its budget would do so again. */
  budget: [60, 3600],
} as const;

/** A server that was Ready this long is taken for healthy: the next failure counts as the first. */
const HEALTHY_MS = 600_000;

/** Milliseconds to wait after the `failures`th failure in a row, counted from 1. */
export function backOffMs(kind: keyof typeof WAITS, failures: number): number {
  const [first, longest] = WAITS[kind];
  return Math.min(longest, first * 2 ** Math.min(failures - 1, 30)) * 1000;
}

/** Failures in a row, with the one that just happened to a server that was Ready since `readyAt`. */
export function failuresAfter(before: number, readyAt: number | undefined, now: number): number {
  return readyAt !== undefined && now - readyAt >= HEALTHY_MS ? 1 : before + 1;
}
