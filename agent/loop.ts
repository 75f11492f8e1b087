import type { Logger } from "pino";
import type { WorkloadStatus } from "./status/status.ts";
import type { Supervisor } from "./supervisor/loop.ts";
import type { Desired } from "./workload/desired.ts";

const TICK_MS = 1000;

/** Ticks each second, sooner when rung for; after `stop` until the last process has gone. */
export async function reconcileLoop(
  processes: Supervisor,
  wanted: () => ReadonlyMap<string, Desired>,
  report: (workloads: readonly WorkloadStatus[], seconds: number) => Promise<void>,
  alarm: AlarmClock,
  log: Logger,
  stop: AbortSignal,
): Promise<void> {
  for (;;) {
    const ending = stop.aborted;
    try {
      const began = performance.now();
      const workloads = await processes.tick(ending ? new Map() : wanted());
      await report(workloads, (performance.now() - began) / 1000);
    } catch (error) {
      // One bad tick must not leave servers without a watchdog (T5): say it and go on.
      log.error(`this tick failed: ${error instanceof Error ? error.message : String(error)}`);
    }
    if (ending && processes.idle()) return;
    await alarm.wait(TICK_MS);
  }
}

export type AlarmClock = ReturnType<typeof alarmClock>;

/** Waits that others can cut short; a ring while nobody waits cuts the next wait. */
export function alarmClock() {
  let rung = false;
  let wakeUp: (() => void) | undefined;
  return {
    ring: () => {
      rung = true;
      wakeUp?.();
    },
    wait: async (milliseconds: number): Promise<void> => {
      if (!rung) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, milliseconds);
          wakeUp = () => {
            clearTimeout(timer);
            resolve();
          };
        });
      }
      rung = false;
      wakeUp = undefined;
    },
  };
}
