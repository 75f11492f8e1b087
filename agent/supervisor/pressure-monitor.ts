import { setTimeout as sleep } from "node:timers/promises";
import { NO_PRESSURE_SAMPLES, type Pressure, withPressureSample } from "../decisions/pressure.ts";
import type { Platform } from "../host/platform.ts";

/** Least time between two samples, a little under the second between ticks: a tick that was woken early takes none. */
const SAMPLE_INTERVAL_MS = 900;
/** No tick waits longer for a sample, in milliseconds: without koffi it is a command, and one that hangs must not stop all that a tick does. */
const PATIENCE_MS = 2000;

/** Samples the memory pressure of the whole machine, about once a second. */
export interface PressureMonitor {
  /** A sample that is not there in time is a failed one. The next is then waited for as the same. */
  sample(now: number): Promise<void>;
  readonly pressure: () => Pressure;
}

export function pressureMonitor(
  platform: Pick<Platform, "pressure">,
  patienceMs: number = PATIENCE_MS,
): PressureMonitor {
  let pressure = NO_PRESSURE_SAMPLES;
  let sampledAt = Number.NEGATIVE_INFINITY;
  let reading: ReturnType<Platform["pressure"]> | undefined;
  const read = () =>
    platform
      .pressure()
      .catch(() => null)
      .finally(() => {
        reading = undefined;
      });
  return {
    sample: async (now) => {
      if (now - sampledAt < SAMPLE_INTERVAL_MS) return;
      sampledAt = now;
      reading ??= read();
      const late = new AbortController();
      const sample = await Promise.race([
        reading,
        sleep(patienceMs, null, { ref: false, signal: late.signal }).catch(() => null),
      ]);
      late.abort();
      pressure = withPressureSample(pressure, sample, now);
    },
    pressure: () => pressure,
  };
}
