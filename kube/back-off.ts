/** How the waits between tries grow: doubled with each failure, in milliseconds. */
export interface BackOff {
  readonly firstMs: number;
  readonly longestMs: number;
}

/**
 * Milliseconds until the next try: full jitter, so that a thousand clients of a server that comes back do not ask it all at once. Where the
 * server named a time, it is never less than that, and spread beyond it.
 *
 * @param failuresInARow counted from 1
 * @param random from 0 to 1
 */
export function waitAfterFailure(
  { firstMs, longestMs }: BackOff,
  failuresInARow: number,
  random: () => number,
  retryAfterMs = 0,
): number {
  const ceiling = Math.min(longestMs, firstMs * 2 ** Math.min(failuresInARow - 1, 30));
  return Math.min(retryAfterMs, LONGEST_ASKED_MS) + ceiling * random();
}

/** No server is believed beyond this. */
const LONGEST_ASKED_MS = 5 * 60_000;
