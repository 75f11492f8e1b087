/**
 * How short of memory the whole machine is, as its kernel says: levels 1, 2 and 4 of macOS
 * (docs/background/apple-memory.md, "Memory pressure").
 */
export type PressureLevel = "normal" | "warning" | "critical";

/** What the samples of the machine have shown so far; times in the clock's milliseconds. */
export interface Pressure {
  /** The last level that could be read; null: none yet. */
  readonly level: PressureLevel | null;
  /** The last sample failed. Nothing is evicted on it, and nothing new is started. */
  readonly unknown: boolean;
  /** Critical samples since the last one that was not. */
  readonly critical: number;
  /** Since when it is normal without a break. */
  readonly normalSince: number | undefined;
}

export const UNPRESSED: Pressure = { level: null, unknown: false, critical: 0, normalSince: undefined };

/** One sample may be a spike of somebody's build; two are an answer. */
const SAMPLES_CRITICAL = 2;

/** The pressure after one more sample; null: it could not be read, which proves nothing. */
export function pressed(before: Pressure, sample: PressureLevel | null, now: number): Pressure {
  if (sample === null) return { ...before, unknown: true, normalSince: undefined };
  return {
    level: sample,
    unknown: false,
    critical: sample === "critical" ? before.critical + 1 : 0,
    normalSince: sample === "normal" ? (before.normalSince ?? now) : undefined,
  };
}

/** Whether somebody must give way now. */
export function mustEvict({ unknown, critical }: Pressure): boolean {
  return !unknown && critical >= SAMPLES_CRITICAL;
}

/**
 * Why nothing may be started at the moment; undefined: it may. At a warning it may: a Mac whose memory is well used lives there,
 * and admission counts what is free.
 */
export function pressureWait({ level, unknown }: Pressure): string | undefined {
  if (unknown) return "waits until the machine's memory pressure can be read again";
  if (level === "critical") return "waits while the machine is critically short of memory";
  return undefined;
}
