import { darwinMeter } from "./darwin/meter.ts";
import type { GroupMeter } from "./group-meter.ts";
import { linuxMeter } from "./linux/meter.ts";

/** The meter of this machine. */
export function openMeter(system: NodeJS.Platform = process.platform): GroupMeter {
  return system === "darwin" ? darwinMeter() : linuxMeter();
}
