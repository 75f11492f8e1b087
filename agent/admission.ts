import { formatBytes } from "../memory/quantity.ts";

/** A workload that may start as far as its own budget goes. */
export interface Candidate {
  readonly name: string;
  readonly priority: number;
  /** What it is estimated to need. */
  readonly chargeBytes: number;
}

/** A process that holds memory: starting, serving or on its way out. */
export interface Holder {
  readonly name: string;
  /** The larger of estimate and measured, in bytes. */
  readonly chargeBytes: number;
  readonly starting: boolean;
  /** Its memory cannot be measured at the moment. */
  readonly unknown: boolean;
}

export interface Admission {
  /** The one to start now. */
  readonly start?: string;
  /** What each of the others waits for. */
  readonly waiting: ReadonlyMap<string, string>;
  /** Those that could not even run alone here. */
  readonly refused: ReadonlyMap<string, string>;
}

/**
 * Who may start: by priority, then by name; one at a time, since a start shows its memory only when it is over (#469); and
 * never so that all charges together exceed what the node gives (T3). The queue is strict: nobody overtakes a larger
 * model that waits, or it would wait for ever.
 */
export function admit(
  candidates: readonly Candidate[],
  holders: readonly Holder[],
  allocatableBytes: number,
): Admission {
  const waiting = new Map<string, string>();
  const refused = new Map<string, string>();
  const queue = candidates.toSorted((a, b) => b.priority - a.priority || (a.name < b.name ? -1 : 1));
  const blocker = blockedBy(holders);
  const held = holders.reduce((sum, { chargeBytes }) => sum + chargeBytes, 0);
  let start: string | undefined;
  let ahead: string | undefined;
  for (const { name, chargeBytes } of queue) {
    if (chargeBytes > allocatableBytes) {
      refused.set(name, tooLarge(chargeBytes, allocatableBytes));
    } else if (ahead !== undefined) {
      waiting.set(name, `waits for ${ahead}, which is ahead of it`);
    } else {
      ahead = name;
      const wait = blocker ?? memoryWait(chargeBytes, held, allocatableBytes);
      if (wait === undefined) start = name;
      else waiting.set(name, wait);
    }
  }
  return start === undefined ? { waiting, refused } : { start, waiting, refused };
}

function tooLarge(chargeBytes: number, allocatableBytes: number): string {
  const [need, all] = [chargeBytes, allocatableBytes].map(formatBytes);
  return `estimated ${need} required, all models of this machine together may use ${all}; raise --memory-fraction`;
}

function blockedBy(holders: readonly Holder[]): string | undefined {
  const unknown = holders.find((holder) => holder.unknown);
  if (unknown !== undefined) return `waits until the memory of ${unknown.name} can be measured again`;
  const starting = holders.find((holder) => holder.starting);
  return starting === undefined ? undefined : `waits for ${starting.name} to be ready; one model starts at a time`;
}

function memoryWait(need: number, held: number, allocatable: number): string | undefined {
  if (held + need <= allocatable) return undefined;
  const free = Math.max(0, allocatable - held);
  return `waits for ${formatBytes(need - free)} of memory: needs ${formatBytes(need)}, ${formatBytes(free)} of ${formatBytes(allocatable)} are free`;
}
