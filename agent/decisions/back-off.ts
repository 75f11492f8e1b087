import type { State } from "../status/status.ts";

/** Why a workload stays down for a while, and until when. */
export interface BackOff {
  /** What status shows meanwhile: BackOff after a process has died, Failed where none could be started or none will be. */
  readonly state: Extract<State, "BackOff" | "Failed">;
  readonly reason: string;
  readonly message: string;
  /** In the clock's milliseconds; Infinity: until a person changes the manifest. */
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

/** The third breach within an hour is the last: starting once more would only thrash the machine. */
const BREACHES = 3;
const BREACHES_WITHIN_MS = 3_600_000;

/** Milliseconds to wait after the `failures`th failure in a row, counted from 1. */
export function backOffMs(kind: keyof typeof WAITS, failures: number): number {
  const [first, longest] = WAITS[kind];
  return Math.min(longest, first * 2 ** Math.min(failures - 1, 30)) * 1000;
}

/** Failures in a row, with the one that just happened to a server that was Ready since `readyAt`. */
export function failuresAfter(before: number, readyAt: number | undefined, now: number): number {
  return readyAt !== undefined && now - readyAt >= HEALTHY_MS ? 1 : before + 1;
}

/** Times of the breaches that still count, with the one of now. */
export function breachesAfter(before: readonly number[], now: number): readonly number[] {
  return [...before.filter((at) => now - at < BREACHES_WITHIN_MS), now];
}

/** After a breach of the budget; `breaches` as {@link breachesAfter} counts them, `message` says what was measured. */
export function breachBackOff(breaches: readonly number[], message: string, now: number): BackOff {
  const reason = "BudgetExceeded";
  if (breaches.length < BREACHES) {
    return { state: "BackOff", reason, message, until: now + backOffMs("budget", breaches.length) };
  }
  const last = "the third time within an hour: it stays down until its budget or its settings change";
  return { state: "Failed", reason, message: `${message}; ${last}`, until: Number.POSITIVE_INFINITY };
}
