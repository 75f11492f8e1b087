import type { PressureLevel } from "../host/platform.ts";

/** What the pressure samples of the machine have shown so far. Times are milliseconds of the injected clock. */
export interface Pressure {
  /** The last level that was read; null before the first. */
  readonly level: PressureLevel | null;
  /** The last sample failed: nothing is evicted and nothing is started. */
  readonly unknown: boolean;
  /** Critical samples since the last one that was not critical. */
  readonly critical: number;
  /** Since when all samples are normal; undefined while they are not. */
  readonly normalSince: number | undefined;
}

export const NO_PRESSURE_SAMPLES: Pressure = { level: null, unknown: false, critical: 0, normalSince: undefined };

/** Critical samples that trigger an eviction. One alone may be a short spike of another program. */
const SAMPLES_CRITICAL = 2;

/** The pressure after one more sample. A failed sample (null) proves nothing. */
export function withPressureSample(before: Pressure, sample: PressureLevel | null, now: number): Pressure {
  if (sample === null) return { ...before, unknown: true, normalSince: undefined };
  return {
    level: sample,
    unknown: false,
    critical: sample === "critical" ? before.critical + 1 : 0,
    normalSince: sample === "normal" ? (before.normalSince ?? now) : undefined,
  };
}

/** Whether a workload must be evicted now. */
export function mustEvict({ unknown, critical }: Pressure): boolean {
  return !unknown && critical >= SAMPLES_CRITICAL;
}

/**
 * Why nothing may start at the moment; undefined when starts are allowed. They are at level warning: a well-used Mac stays there for
 * long, and admission counts the free memory anyway.
 */
export function pressureWait({ level, unknown }: Pressure): string | undefined {
  if (unknown) return "waits until the machine's memory pressure can be read again";
  if (level === "critical") return "waits while the machine is critically short of memory";
  return undefined;
}
