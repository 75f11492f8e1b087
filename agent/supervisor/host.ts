import { type Pressure, pressed, UNPRESSED } from "../enforcement/pressure.ts";
import { isSampleDue } from "../enforcement/watchdog.ts";
import type { Platform } from "../platform/platform.ts";

/** The machine as a whole: its memory pressure, one sample a second. */
export interface HostWatch {
  sample(now: number): Promise<void>;
  readonly pressure: () => Pressure;
}

export function hostWatch(platform: Pick<Platform, "pressure">): HostWatch {
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
