/** How many writes may follow each other at once, and in how many milliseconds one more is allowed. */
const BURST = 8;
const REFILL_MS = 20_000;

/** Lets writes through at a bounded pace: where somebody else keeps writing the same fields otherwise, there is no war of writes. */
export interface Pace {
  /** Milliseconds until a write is allowed; 0: now. */
  readonly waitMs: () => number;
  readonly wrote: () => void;
}

/** @param clock milliseconds that never go back */
export function writePace(clock: () => number): Pace {
  let left = BURST;
  let at = clock();
  const refill = () => {
    const now = clock();
    left = Math.min(BURST, left + (now - at) / REFILL_MS);
    at = now;
  };
  return {
    waitMs: () => {
      refill();
      return left >= 1 ? 0 : (1 - left) * REFILL_MS;
    },
    wrote: () => {
      refill();
      left -= 1;
    },
  };
}
