import { isSampleDue } from "../decisions/footprint.ts";
import { NO_PRESSURE_SAMPLES, type Pressure, withPressureSample } from "../decisions/pressure.ts";
import type { Platform } from "../host/platform.ts";

/** Samples the memory pressure of the whole machine, about once a second. */
export interface PressureMonitor {
  sample(now: number): Promise<void>;
  readonly pressure: () => Pressure;
}

export function pressureMonitor(platform: Pick<Platform, "pressure">): PressureMonitor {
  let pressure = NO_PRESSURE_SAMPLES;
  let sampledAt: number | undefined;
  return {
    sample: async (now) => {
      if (!isSampleDue(sampledAt === undefined ? {} : { sampledAt }, now)) return;
      sampledAt = now;
      pressure = withPressureSample(pressure, await platform.pressure(), now);
    },
    pressure: () => pressure,
  };
}
