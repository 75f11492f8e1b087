/** Time, so that a test can move it by hand. */
export interface Clock {
  /** Milliseconds since 1970, as this machine believes: for what others read. */
  readonly now: () => number;
  /** Milliseconds that never go back: for waits. */
  readonly monotonic: () => number;
  /** Calls `callback` once after this time; returns what cancels it. */
  readonly timer: (callback: () => void, milliseconds: number) => () => void;
}

/** The longest time that a timer of Node.js can wait. */
const LONGEST_MS = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: Date.now,
  monotonic: () => performance.now(),
  timer: (callback, milliseconds) => {
    const timeout = setTimeout(callback, Math.max(0, Math.min(milliseconds, LONGEST_MS)));
    return () => clearTimeout(timeout);
  },
};

/** Waits, until the signal is aborted at the latest. Never rejects. */
export function sleep(clock: Clock, milliseconds: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  const { promise, resolve } = Promise.withResolvers<void>();
  const cancel = clock.timer(resolve, milliseconds);
  signal.addEventListener("abort", () => resolve(), { once: true, signal: whenSettled(promise) });
  return promise.finally(cancel);
}

/** Takes the listener away once the wait is over: a signal that lives for months would gather them. */
function whenSettled(promise: Promise<void>): AbortSignal {
  const settled = new AbortController();
  promise.finally(() => settled.abort()).catch(() => {});
  return settled.signal;
}
