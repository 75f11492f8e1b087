import { performance } from "node:perf_hooks";
import type { Logger } from "pino";
import type { Clock } from "../kube/clock.ts";
import type { KeyedQueue, Outcome, QueueOptions } from "../kube/queue.ts";
import type { ControllerMetrics } from "./http/metrics.ts";

/** Passes over objects: each is measured, and its failures are logged. */
export interface Passes {
  of(kind: string, handle: (key: string) => Promise<Outcome>): Pick<QueueOptions, "handle" | "failed">;
  /** Why a restart would help: something waits, and nothing has ended for ten minutes. Undefined: it would not. */
  stuck(queues: Iterable<KeyedQueue>): string | undefined;
}

/** Longer than any pass takes: all its requests end in time. */
const STUCK_MS = 10 * 60_000;
/** A failure is said at once, and again when it has lasted. */
const SAID_AT: ReadonlySet<number> = new Set([1, 5, 10]);

export function passes(
  clock: Clock,
  metrics: Pick<ControllerMetrics, "reconciled">,
  log: Pick<Logger, "warn">,
): Passes {
  let endedAt = clock.monotonic();
  return {
    of: (kind, handle) => ({
      handle: async (key) => {
        const begunAt = performance.now();
        let isOk = false;
        try {
          const outcome = await handle(key);
          isOk = outcome.ok;
          return outcome;
        } finally {
          endedAt = clock.monotonic();
          metrics.reconciled(kind, (performance.now() - begunAt) / 1000, isOk);
        }
      },
      failed: (key, error, inARow) => {
        if (SAID_AT.has(inARow)) log.warn(`${kind} ${key}: ${error}; it is tried again`);
      },
    }),
    stuck: (queues) => {
      const waits = [...queues].some((queue) => queue.counts().waiting > 0);
      const minutes = Math.round((clock.monotonic() - endedAt) / 60_000);
      return waits && clock.monotonic() - endedAt > STUCK_MS ? `no work has ended for ${minutes} min` : undefined;
    },
  };
}
