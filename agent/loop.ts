import type { Alarm } from "./lifecycle/alarm.ts";
import type { Runnable } from "./lifecycle/runnable.ts";
import type { WorkSource } from "./sources/source.ts";
import type { Outcome, Supervisor } from "./supervisor/supervisor.ts";

const TICK_MS = 1000;

export interface ReconcileLoop {
  readonly source: Pick<WorkSource, "current">;
  readonly supervisor: Pick<Supervisor, "tick" | "idle">;
  readonly alarm: Alarm;
  /** Takes what each tick has found, and how long it took. */
  readonly report: (outcome: Outcome, seconds: number) => void;
  /** Takes one sentence about a tick that failed. */
  readonly say: (message: string) => void;
  /** Once it is aborted nothing is done to any server any more: somebody else has them now. */
  readonly lost: AbortSignal;
}

/**
 * Brings what runs to what is wanted, each second, and sooner when the alarm rings. After the signal nothing is wanted, and it ends
 * when the last process has gone.
 */
export function reconcileLoop({ source, supervisor, alarm, report, say, lost }: ReconcileLoop): Runnable {
  const nothing = { workloads: new Map(), synced: true };
  return {
    name: "the reconcile loop",
    run: async (signal) => {
      signal.addEventListener("abort", alarm.ring);
      lost.addEventListener("abort", alarm.ring);
      while (!lost.aborted) {
        const ending = signal.aborted;
        try {
          const began = performance.now();
          const outcome = await supervisor.tick(ending ? nothing : source.current());
          report(outcome, (performance.now() - began) / 1000);
        } catch (error) {
          // One bad tick must not leave servers without a watchdog: say it and go on.
          say(`this tick failed: ${error instanceof Error ? error.message : String(error)}`);
        }
        if (ending && supervisor.idle()) return;
        await alarm.wait(TICK_MS);
      }
    },
  };
}
