import { dueNow, NO_WATCH, nextDueAt, type Watch, watchRound } from "../decisions/watch.ts";
import type { GroupMeter } from "../host/group-meter.ts";
import { signalGroup } from "../host/signal-group.ts";
import type { Held, Report } from "./protocol.ts";

/** The rounds of a watchdog, in whatever process. */
export interface Rounds {
  /** Measures what is due, decides, reports, and sends the signals. Calls must not overlap. */
  readonly round: (held: Held) => Promise<void>;
  /** What the rounds have shown so far. */
  readonly watch: () => Watch;
  /** Milliseconds until the next round is due; Infinity if nothing is to be measured. */
  readonly untilNextMs: (held: Held) => number;
}

export interface RoundsOptions {
  readonly meter: GroupMeter;
  /** A monotonic clock, in milliseconds. */
  readonly clock: () => number;
  /** The last question of the main part. */
  readonly answers: () => number;
  readonly report: (report: Report) => void;
}

export function watchdogRounds({ meter, clock, answers, report }: RoundsOptions): Rounds {
  let watch = NO_WATCH;
  return {
    round: async (held) => {
      const due = new Set(dueNow(watch, held, clock()));
      const leaders = held.processes.filter(({ key }) => due.has(key));
      const measured = leaders.length === 0 ? new Map<number, number>() : await meter.measure(leaders);
      const samples = new Map(leaders.map(({ key, pid }) => [key, measured.get(pid) ?? null]));
      const peaks = new Map<string, number>();
      for (const { key, pid } of leaders) {
        const peakBytes = meter.peakBytes(pid);
        if (peakBytes !== undefined) peaks.set(key, peakBytes);
      }
      const next = watchRound(watch, held, samples, clock(), peaks);
      watch = next.watch;
      // First the reason, then the signal: the main part must know why a server ends when it sees the end.
      report({ kind: "report", now: clock(), answers: answers(), sightings: [...watch.sightings] });
      for (const { pid, signal } of next.signals) signalGroup(pid, signal);
    },
    watch: () => watch,
    untilNextMs: (held) => nextDueAt(watch, held) - clock(),
  };
}
