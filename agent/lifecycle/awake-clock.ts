/** The loop looks at the clock each second; a longer pause is a machine that slept, or an agent that was stopped. */
const LONGEST_STEP_MS = 30_000;

/**
 * Milliseconds that pass only while the agent is awake: of a pause between two looks at `clock` at most 30 s count. So a closed lid moves
 * every deadline, and nothing is timed out, called hung or forgiven because of it.
 *
 * @param clock milliseconds that never go back
 */
export function awakeClock(clock: () => number): () => number {
  let seenAt = clock();
  let awake = seenAt;
  return () => {
    const now = clock();
    awake += Math.min(now - seenAt, LONGEST_STEP_MS);
    seenAt = now;
    return awake;
  };
}
