import { MiB } from "../../api/bytes.ts";

/**
 * The fewest whole MiB of memory that a machine must count on, so that `fraction` of them holds `needBytes` as the agent there computes
 * it: `trunc(bytes * fraction)` in doubles, as in `resolveBudget`. A machine with a part of a MiB more is counted without that part.
 *
 * @param fraction above 0, at most 1
 */
export function leastMemoryMiB(needBytes: number, fraction: number): number {
  const holds = (mebibytes: number) => Math.trunc(mebibytes * MiB * fraction) >= needBytes;
  // The quotient is off by a rounding at most; the product of doubles never falls when a factor grows.
  let least = Math.max(0, Math.ceil(needBytes / fraction / MiB));
  while (least > 0 && holds(least - 1)) least -= 1;
  while (!holds(least)) least += 1;
  return least;
}

/** The fewest whole MiB that hold `needBytes`. */
export function wholeMiB(needBytes: number): number {
  return Math.ceil(needBytes / MiB);
}
