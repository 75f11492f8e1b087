import type { State } from "../status/status.ts";

/** Why a workload is not restarted yet, and until when. */
export interface BackOff {
  /** The state until then: BackOff after a process ended, Failed when no process could be started or none will be. */
  readonly state: Extract<State, "BackOff" | "Failed">;
  readonly reason: string;
  readonly message: string;
  /** In milliseconds of the injected clock; Infinity means until the manifest changes. */
  readonly until: number;
}

/** First and longest wait in seconds; each wait is twice the one before. */
const WAITS = {
  /** After a crash: 1, 2, 4 ... 300. */
  crash: [1, 300],
  /** After a breach of the budget. It starts longer, because the same model would outgrow the same budget again. */
  budget: [60, 3600],
} as const;

/** After a server was Ready this long, its next failure counts as the first. */
const HEALTHY_MS = 600_000;

/** After this many breaches within an hour the server is not restarted: another start would only thrash the machine. */
const BREACHES = 3;
const BREACHES_WITHIN_MS = 3_600_000;

/** Milliseconds to wait after the `failures`th failure in a row, counted from 1. */
export function backOffMs(kind: keyof typeof WAITS, failures: number): number {
  const [first, longest] = WAITS[kind];
  return Math.min(longest, first * 2 ** Math.min(failures - 1, 30)) * 1000;
}

/** Failures in a row, including the one at `now` of a server that was Ready since `readyAt` (undefined: it never was). */
export function failuresAfter(before: number, readyAt: number | undefined, now: number): number {
  return readyAt !== undefined && now - readyAt >= HEALTHY_MS ? 1 : before + 1;
}

/** Times of the breaches within the last hour, including the one at `now`. */
export function breachesAfter(before: readonly number[], now: number): readonly number[] {
  return [...before.filter((at) => now - at < BREACHES_WITHIN_MS), now];
}

/** The back-off after a breach of the budget. `breaches` comes from {@link breachesAfter}; `message` says what was measured. */
export function breachBackOff(breaches: readonly number[], message: string, now: number): BackOff {
  const reason = "BudgetExceeded";
  if (breaches.length < BREACHES) {
    return { state: "BackOff", reason, message, until: now + backOffMs("budget", breaches.length) };
  }
  const last = "third breach within an hour: it is not restarted until its budget or settings change";
  return { state: "Failed", reason, message: `${message}; ${last}`, until: Number.POSITIVE_INFINITY };
}
