import { type BackOff, waitAfterFailure } from "./back-off.ts";
import { type Clock, systemClock } from "./clock.ts";

/** How the work for a key ended. A `KubeFailure` is one of these, too. */
export type Outcome =
  | {
      readonly ok: true;
      /** The key is worked on again after this time, in milliseconds. */
      readonly againAfterMs?: number | undefined;
    }
  | {
      readonly ok: false;
      readonly error: string;
      readonly retryAfterMs?: number | undefined;
    };

export interface QueueOptions {
  /** Works on a key. What it throws counts as a failure. The signal is aborted when the queue ends. */
  readonly handle: (key: string, signal: AbortSignal) => Promise<Outcome>;
  /** How many keys are worked on at once. */
  readonly workers: number;
  /** Gets each failure and its number in a row. */
  readonly failed?: (key: string, error: string, failuresInARow: number) => void;
  /** Default: 0.25 s, doubled up to 5 min. */
  readonly backOff?: BackOff;
  readonly clock?: Clock;
  /** From 0 to 1. */
  readonly random?: () => number;
}

export interface KeyedQueue {
  /** The key is worked on as soon as there is a free worker, and again after that if it is worked on just now. */
  add(key: string): void;
  /** As {@link add}, after this time; an earlier time for the same key stands. */
  addAfter(key: string, milliseconds: number): void;
  /** Keys that wait for a worker, that are worked on, and that wait for their time. */
  counts(): { readonly waiting: number; readonly working: number; readonly delayed: number };
  /** Works until the signal is aborted and what was begun has ended. Keys may be added before. */
  run(signal: AbortSignal): Promise<void>;
}

const DEFAULT_BACK_OFF: BackOff = { firstMs: 250, longestMs: 300_000 };

/**
 * A queue of names. A name that was added many times is worked on once; work on one name is serial; a name whose work failed comes back
 * after a wait that grows with each failure in a row.
 */
export function keyedQueue(options: QueueOptions): KeyedQueue {
  const { handle, workers, clock = systemClock, random = Math.random, backOff = DEFAULT_BACK_OFF } = options;
  const waiting = new Set<string>();
  const working = new Set<string>();
  /** Keys that were added while they were worked on. */
  const again = new Set<string>();
  const failures = new Map<string, number>();
  const delayed = new Map<string, { readonly at: number; readonly cancel: () => void }>();
  let running: { readonly signal: AbortSignal; readonly ended: () => void } | undefined;

  function add(key: string): void {
    if (working.has(key)) again.add(key);
    else waiting.add(key);
    pump();
  }

  function addAfter(key: string, milliseconds: number): void {
    const at = clock.monotonic() + milliseconds;
    const known = delayed.get(key);
    if (known !== undefined && known.at <= at) return;
    known?.cancel();
    const due = () => {
      delayed.delete(key);
      add(key);
    };
    delayed.set(key, { at, cancel: clock.timer(due, milliseconds) });
  }

  function pump(): void {
    if (running === undefined) return;
    const { signal, ended } = running;
    if (signal.aborted) {
      if (working.size === 0) ended();
      return;
    }
    for (const key of waiting) {
      if (working.size >= workers) return;
      waiting.delete(key);
      working.add(key);
      work(key, signal)
        .finally(pump)
        .catch(() => {});
    }
  }

  async function work(key: string, signal: AbortSignal): Promise<void> {
    const outcome = await outcomeOf(() => handle(key, signal));
    working.delete(key);
    if (again.delete(key)) waiting.add(key);
    if (signal.aborted) return;
    if (outcome.ok) {
      failures.delete(key);
      if (outcome.againAfterMs !== undefined) addAfter(key, outcome.againAfterMs);
      return;
    }
    const inARow = (failures.get(key) ?? 0) + 1;
    failures.set(key, inARow);
    addAfter(key, waitAfterFailure(backOff, inARow, random, outcome.retryAfterMs));
    options.failed?.(key, outcome.error, inARow);
  }

  async function run(signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    running = { signal, ended: resolve };
    signal.addEventListener("abort", pump, { once: true });
    pump();
    await promise;
    for (const { cancel } of delayed.values()) cancel();
    delayed.clear();
    running = undefined;
  }

  const counts = () => ({ waiting: waiting.size, working: working.size, delayed: delayed.size });
  return { add, addAfter, counts, run };
}

async function outcomeOf(work: () => Promise<Outcome>): Promise<Outcome> {
  try {
    return await work();
  } catch (error) {
    return { ok: false, error: error instanceof Error ? error.message : String(error) };
  }
}
