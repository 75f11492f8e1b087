import { NO_PRESSURE_SAMPLES, type Pressure, withPressureSample } from "../decisions/pressure.ts";
import type { Platform } from "../host/platform.ts";

/** Least time between two samples, a little under the second between ticks: a tick that was woken early takes none. */
const SAMPLE_INTERVAL_MS = 900;

/** Samples the memory pressure of the whole machine, about once a second. */
export interface PressureMonitor {
  sample(now: number): Promise<void>;
  readonly pressure: () => Pressure;
}

export function pressureMonitor(platform: Pick<Platform, "pressure">): PressureMonitor {
  let pressure = NO_PRESSURE_SAMPLES;
  let sampledAt = Number.NEGATIVE_INFINITY;
  return {
    sample: async (now) => {
      if (now - sampledAt < SAMPLE_INTERVAL_MS) return;
      sampledAt = now;
      pressure = withPressureSample(pressure, await platform.pressure(), now);
    },
    pressure: () => pressure,
  };
}
