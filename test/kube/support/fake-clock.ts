import { setImmediate as turn } from "node:timers/promises";
import type { Clock } from "../../../kube/clock.ts";

export interface FakeClock extends Clock {
  /** Moves time on, timer by timer, and lets what they wake run. */
  advance(milliseconds: number): Promise<void>;
  /** Milliseconds until each timer that is set, the next one first. */
  pending(): readonly number[];
}

/** Time that only a test moves. Starts at 2026-01-01T00:00:00Z. */
export function fakeClock(): FakeClock {
  const start = Date.UTC(2026, 0, 1);
  let elapsed = 0;
  const timers = new Set<{ readonly at: number; readonly callback: () => void }>();
  const due = () => [...timers].sort((a, b) => a.at - b.at);

  async function advance(milliseconds: number): Promise<void> {
    const end = elapsed + milliseconds;
    await settle();
    for (let [next] = due(); next !== undefined && next.at <= end; [next] = due()) {
      timers.delete(next);
      elapsed = Math.max(elapsed, next.at);
      next.callback();
      await settle();
    }
    elapsed = end;
  }

  return {
    now: () => start + elapsed,
    monotonic: () => elapsed,
    timer: (callback, wait) => {
      const timer = { at: elapsed + wait, callback };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    advance,
    pending: () => due().map(({ at }) => at - elapsed),
  };
}

/** Lets promises run on that wait for nothing but each other. */
export async function settle(): Promise<void> {
  for (let round = 0; round < 5; round += 1) await turn();
}
