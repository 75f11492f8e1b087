import type { Failure, FailureKind } from "../api/result.ts";

/** How the waits between tries grow, in milliseconds: doubled with each failure. */
export interface BackOff {
  readonly firstMs: number;
  /** The longest wait that no server asked for. */
  readonly longestMs: number;
}

/** For what is asked for again as long as somebody wants it. */
const ASKING_AGAIN: BackOff = { firstMs: 10_000, longestMs: 300_000 };

/** Whether a failure may pass by itself. The others last until something changes: the source, the file, the token, the manifest. */
const PASSES: Readonly<Record<FailureKind, boolean>> = {
  invalid: false,
  "not-found": false,
  unauthorised: false,
  unsupported: false,
  throttled: true,
  unreachable: true,
  "no-space": true,
  interrupted: true,
  internal: true,
};

/** A person who has made space on the disk looks on. */
const LONGEST_WITHOUT_SPACE_MS = 60_000;

/** Of a wait, at most this much is added at random, so that a fleet does not come back all at once. */
const SPREAD = 0.2;

/**
 * Milliseconds from a failure to the next try, never less than the server asked for; Infinity: none until something changes.
 * @param failuresInARow counted from 1
 * @param random from 0 to 1
 * @param backOff 10 s doubled up to 5 min where not given (1 min on a full disk)
 */
export function nextTry(
  { kind, retryAfterMs = 0 }: Pick<Failure, "kind" | "retryAfterMs">,
  failuresInARow: number,
  random: () => number = Math.random,
  { firstMs, longestMs }: BackOff = ASKING_AGAIN,
): number {
  if (!PASSES[kind]) return Number.POSITIVE_INFINITY;
  const longest = kind === "no-space" ? Math.min(longestMs, LONGEST_WITHOUT_SPACE_MS) : longestMs;
  const backOff = Math.min(longest, firstMs * 2 ** (failuresInARow - 1));
  return Math.max(backOff, retryAfterMs) * (1 + SPREAD * random());
}
