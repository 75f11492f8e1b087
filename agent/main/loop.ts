import { setTimeout as sleep } from "node:timers/promises";
import type { Alarm } from "../lifecycle/alarm.ts";
import type { Runnable } from "../lifecycle/runnable.ts";
import type { WorkSource } from "../sources/source.ts";
import type { Outcome, Supervisor } from "../supervisor/supervisor.ts";

const TICK_MS = 1000;
/** Standing still for this long, the agent may have lost its lock without knowing (`state/lock.ts`). */
const STALL_MS = 3000;
/** In this time the lock is looked at, which is refreshed once a second. */
const LOCK_LOOK_MS = 1500;

export interface ReconcileLoop {
  readonly source: Pick<WorkSource, "current">;
  readonly supervisor: Pick<Supervisor, "tick" | "idle">;
  readonly alarm: Alarm;
  /** Gets the outcome of each tick, and how long it took. */
  readonly report: (outcome: Outcome, seconds: number) => void;
  /** Gets one sentence about a tick that failed. */
  readonly say: (message: string) => void;
  /** Aborted when another process has taken over the state folder. From then on no server is touched. */
  readonly lost: AbortSignal;
}

/**
 * Reconciles the running servers with the desired state, once a second and whenever the alarm rings. After the signal it stops all
 * servers, and ends when the last process has exited.
 */
export function reconcileLoop({ source, supervisor, alarm, report, say, lost }: ReconcileLoop): Runnable {
  const nothing = { workloads: new Map(), synced: true, ending: true };
  return {
    name: "the reconcile loop",
    run: async (signal) => {
      signal.addEventListener("abort", alarm.ring);
      lost.addEventListener("abort", alarm.ring);
      let beganAt = performance.now();
      while (true) {
        if (performance.now() - beganAt > STALL_MS) await sleep(LOCK_LOOK_MS);
        if (lost.aborted) return;
        beganAt = performance.now();
        const ending = signal.aborted;
        try {
          const outcome = await supervisor.tick(ending ? nothing : source.current());
          report(outcome, (performance.now() - beganAt) / 1000);
        } catch (error) {
          // One failed tick must not leave servers without a watchdog: log it and go on.
          say(`one pass of the reconcile loop failed: ${error instanceof Error ? error.message : String(error)}`);
        }
        if (ending && supervisor.idle()) return;
        await alarm.wait(TICK_MS);
      }
    },
  };
}
