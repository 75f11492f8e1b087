/** Everybody who has such a clock looks at it about once a second; a longer pause is a machine that slept, or a process that was stopped. */
const LONGEST_PAUSE_MS = 10_000;
/** What such a pause counts for: no more than the look that it fell between. */
const PAUSE_COUNTS_MS = 1000;
/** A process that is held up for less may merely have been busy. After a longer pause the machine has slept, as far as a process can tell. */
const SLEPT_MS = 30_000;

/** A clock in milliseconds that never goes back, and stands still while the machine sleeps. */
export interface AwakeClock {
  (): number;
  /** Its time at the end of the last pause of 30 s or more; undefined if there was none. */
  readonly wokeAt: () => number | undefined;
}

/**
 * Time that passes only while the agent is awake: a closed lid moves every deadline, and nothing is timed out, called hung or forgiven
 * because of it. The clock under it runs on during sleep on macOS (libuv takes `mach_continuous_time` since 1.38.1) and stands still on Linux
 * (`CLOCK_MONOTONIC`); both run on while a process is stopped. docs/decisions/sleep.md says which deadline has which clock.
 *
 * @param clock milliseconds that never go back
 */
export function awakeClock(clock: () => number): AwakeClock {
  let seenAt = clock();
  let awake = seenAt;
  let wokeAt: number | undefined;
  const now = () => {
    const pause = clock() - seenAt;
    seenAt += pause;
    awake += pause > LONGEST_PAUSE_MS ? PAUSE_COUNTS_MS : pause;
    if (pause >= SLEPT_MS) wokeAt = awake;
    return awake;
  };
  return Object.assign(now, { wokeAt: () => wokeAt });
}
