import { dueNow, NO_WATCH, watchRound } from "../../agent/decisions/watch.ts";
import { signalGroup } from "../../agent/host/signal-group.ts";
import type { Held } from "../../agent/watchdog/protocol.ts";
import type { Watchdog } from "../../agent/watchdog/watchdog.ts";

export interface StandInWatchdog extends Watchdog {
  /** Measures, decides and signals once, as the real one does by itself. */
  readonly round: () => void;
}

/**
 * Stands in for the watchdog's process where a test controls the clock and what is measured. It decides by the same functions. What
 * `measure` throws, it throws when it is asked about that process.
 */
export function standInWatchdog(
  measure: (pid: number) => number | null,
  clock: () => number,
  peakOf: (pid: number) => number | undefined = () => undefined,
): StandInWatchdog {
  let held: Held = { processes: [], shareBytes: Number.POSITIVE_INFINITY };
  let watch = NO_WATCH;
  const faults = new Map<string, unknown>();
  const measured = (key: string, pid: number) => {
    faults.delete(key);
    try {
      return measure(pid);
    } catch (error) {
      faults.set(key, error);
      return null;
    }
  };
  return {
    hold: (next) => {
      held = next;
    },
    beat: () => {},
    sighting: (key, pid) => {
      if (faults.has(key)) throw faults.get(key);
      const sighting = watch.sightings.get(key);
      return sighting?.pid === pid ? sighting : undefined;
    },
    trouble: () => undefined,
    hasTold: () => true,
    problems: () => [],
    notes: () => [],
    close: async () => {},
    round: () => {
      const now = clock();
      const due = new Set(dueNow(watch, held, now));
      const looked = held.processes.filter(({ key }) => due.has(key));
      const samples = new Map(looked.map(({ key, pid }) => [key, measured(key, pid)]));
      const peaks = new Map<string, number>();
      for (const { key, pid } of looked) {
        const peakBytes = peakOf(pid);
        if (peakBytes !== undefined) peaks.set(key, peakBytes);
      }
      const next = watchRound(watch, held, samples, now, peaks);
      watch = next.watch;
      for (const { pid, signal } of next.signals) signalGroup(pid, signal);
    },
  };
}
