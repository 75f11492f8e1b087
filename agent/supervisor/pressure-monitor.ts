import { isSampleDue } from "../decisions/footprint.ts";
import { type Pressure, pressed, UNPRESSED } from "../decisions/pressure.ts";
import type { Platform } from "../host/platform.ts";

/** The machine as a whole: its memory pressure, one sample a second. */
export interface PressureMonitor {
  sample(now: number): Promise<void>;
  readonly pressure: () => Pressure;
}

export function pressureMonitor(platform: Pick<Platform, "pressure">): PressureMonitor {
  let pressure = UNPRESSED;
  let sampledAt: number | undefined;
  return {
    sample: async (now) => {
      if (!isSampleDue(sampledAt === undefined ? {} : { sampledAt }, now)) return;
      sampledAt = now;
      pressure = pressed(pressure, await platform.pressure(), now);
    },
    pressure: () => pressure,
  };
}
