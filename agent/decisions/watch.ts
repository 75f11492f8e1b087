import type { Budget } from "../../memory/budget.ts";
import type { GroupSample } from "../host/group-meter.ts";
import { overShareMessage, victimOfShare } from "./eviction.ts";
import {
  exceededMessage,
  exceeds,
  type FootprintHistory,
  NO_SAMPLES,
  nextSampleMs,
  SAMPLE_INTERVAL_MS,
  withSample,
} from "./footprint.ts";
import { withPeak } from "./peak.ts";

/** A process that the watchdog holds to a budget: a server, or a llama-server that is asked for a projection. */
export interface Watched {
  /** Unique among all that are held. */
  readonly key: string;
  /** It leads its process group, all of which is measured and signalled. */
  readonly pid: number;
  /** The budget in force. */
  readonly budget: Budget;
  /** The kernel's limit for that budget, in bytes, whether a kernel limit is there or not. */
  readonly hardLimitBytes: number;
  /** The lowest is evicted first. */
  readonly priority: number;
  /** `spec.evictionProtection`. */
  readonly protected: boolean;
  /** Any number that is larger the later it was started. */
  readonly startedAt: number;
  /** Already stopping: its memory will be freed anyway. */
  readonly leaving: boolean;
}

/** All that the watchdog holds. */
export interface Holding {
  readonly processes: readonly Watched[];
  /** What all of them together may hold, in bytes. */
  readonly shareBytes: number;
}

export const NOTHING_HELD: Holding = { processes: [], shareBytes: Number.POSITIVE_INFINITY };

/** A stop that the watchdog began. */
export interface WatchdogStop {
  /** When SIGTERM was sent, in milliseconds of the watchdog's clock. */
  readonly at: number;
  readonly reason: "BudgetExceeded" | "Evicted";
  readonly message: string;
  /** Whether SIGKILL was sent. */
  readonly killed: boolean;
}

/** What the watchdog knows of one process. */
export interface Sighting {
  readonly pid: number;
  readonly footprint: FootprintHistory;
  /** Its group is certainly empty. */
  readonly gone: boolean;
  readonly stop?: WatchdogStop | undefined;
}

export interface Watch {
  readonly sightings: ReadonlyMap<string, Sighting>;
  /** Looks at the sum of all that found it above the share, since the last one that did not; and the time of the last look. */
  readonly share: { readonly over: number; readonly lookedAt: number };
}

export const NO_WATCH: Watch = { sightings: new Map(), share: { over: 0, lookedAt: Number.NEGATIVE_INFINITY } };

export interface Signal {
  readonly key: string;
  readonly pid: number;
  readonly signal: "SIGTERM" | "SIGKILL";
}

/** SIGKILL follows SIGTERM after this long at most: a process that is over its budget has no time to drain. */
const KILL_MS = 1000;
/** Looks at the sum count only this far apart: many servers are sampled one after another. */
const SHARE_LOOK_MS = 450;
const LOOKS_OVER = 2;

const NO_PEAKS: ReadonlyMap<string, number> = new Map();

/** Keys of the processes whose next sample is due. */
export function dueNow({ sightings }: Watch, { processes }: Holding, now: number): readonly string[] {
  return processes.filter((watched) => dueAt(sightings.get(watched.key), watched) <= now).map(({ key }) => key);
}

/** When the next sample of any process is due; Infinity if there is none. */
export function nextDueAt({ sightings }: Watch, { processes }: Holding): number {
  return Math.min(...processes.map((watched) => dueAt(sightings.get(watched.key), watched)));
}

function dueAt(sighting: Sighting | undefined, { pid, budget, hardLimitBytes }: Watched): number {
  if (sighting?.pid !== pid || sighting.footprint.sampledAt === undefined) return Number.NEGATIVE_INFINITY;
  if (sighting.gone) return Number.POSITIVE_INFINITY;
  const { sampledAt } = sighting.footprint;
  const interval = nextSampleMs(sighting.footprint, budget.bytes, hardLimitBytes);
  return interval < SAMPLE_INTERVAL_MS ? sampledAt + interval : togetherAt(sampledAt);
}

/** Two samples of one process closer together than this say nothing about its growth. */
const APART_MS = 250;

/**
 * What is far from its budget is sampled when the clock's second ends, all in one round: twenty processes, each at a time of its own, would
 * be twenty rounds a second. Never later than {@link SAMPLE_INTERVAL_MS} after the sample before.
 */
function togetherAt(sampledAt: number): number {
  const left = SAMPLE_INTERVAL_MS - (sampledAt % SAMPLE_INTERVAL_MS);
  return sampledAt + (left >= APART_MS ? left : SAMPLE_INTERVAL_MS - APART_MS);
}

/**
 * One round of the watchdog: what it knows after the samples, and the signals to send. A process over its budget for two samples gets
 * SIGTERM, and so does one that is evicted because all together hold more than their share. SIGKILL follows at the next sample above
 * the hard limit, or after a second.
 *
 * @param samples by key; a process without one was not due
 * @param peaks by key, as {@link FootprintHistory.peakBytes}; none where the system does not tell
 */
export function watchRound(
  before: Watch,
  { processes, shareBytes }: Holding,
  samples: ReadonlyMap<string, GroupSample>,
  now: number,
  peaks: ReadonlyMap<string, number> = NO_PEAKS,
): { readonly watch: Watch; readonly signals: readonly Signal[] } {
  const sightings = new Map(
    processes.map((watched) => {
      const { key } = watched;
      return [key, sighted(before.sightings.get(key), watched, samples.get(key), peaks.get(key), now)];
    }),
  );
  const signals: Signal[] = [];
  for (const watched of processes) {
    const sighting = sightings.get(watched.key);
    if (sighting === undefined || sighting.gone || !samples.has(watched.key)) continue;
    const next = escalated(sighting, watched, now);
    if (next === undefined) continue;
    sightings.set(watched.key, next.sighting);
    signals.push({ key: watched.key, pid: watched.pid, signal: next.signal });
  }
  const share = lookAtShare(before.share, sumOf(sightings), shareBytes, now);
  const victim =
    share.over >= LOOKS_OVER ? victimOfShare(processes.flatMap((one) => evictable(one, sightings))) : undefined;
  const held = processes.find(({ key }) => key === victim);
  const seen = held && sightings.get(held.key);
  if (held !== undefined && seen !== undefined) {
    const message = overShareMessage(seen.footprint.measuredBytes ?? 0, sumOf(sightings), shareBytes);
    sightings.set(held.key, { ...seen, stop: { at: now, reason: "Evicted", message, killed: false } });
    signals.push({ key: held.key, pid: held.pid, signal: "SIGTERM" });
  }
  return { watch: { sightings, share }, signals };
}

function sighted(
  before: Sighting | undefined,
  { pid, budget }: Watched,
  sample: GroupSample | undefined,
  peakBytes: number | undefined,
  now: number,
): Sighting {
  const known = before?.pid === pid ? before : { pid, footprint: NO_SAMPLES, gone: false };
  if (sample === undefined) return known;
  if (sample === "gone") return { ...known, gone: true, footprint: { ...known.footprint, sampledAt: now } };
  const next = withSample(known.footprint, sample, budget.bytes, now);
  const footprint = sample === null ? next : withPeak(known.footprint, next, peakBytes, budget.bytes);
  return { ...known, gone: false, footprint };
}

/** What is to be done about a process that was just sampled; undefined if nothing. */
function escalated(
  { stop, footprint, ...rest }: Sighting,
  { budget, hardLimitBytes }: Watched,
  now: number,
): { readonly sighting: Sighting; readonly signal: Signal["signal"] } | undefined {
  if (stop === undefined) {
    if (!exceeds(footprint)) return undefined;
    const begun = {
      at: now,
      reason: "BudgetExceeded",
      message: exceededMessage(footprint, budget),
      killed: false,
    } as const;
    return { sighting: { ...rest, footprint, stop: begun }, signal: "SIGTERM" };
  }
  const above = !footprint.unknown && (footprint.measuredBytes ?? 0) > hardLimitBytes;
  if (stop.killed || (now - stop.at < KILL_MS && !above)) return undefined;
  return { sighting: { ...rest, footprint, stop: { ...stop, killed: true } }, signal: "SIGKILL" };
}

function sumOf(sightings: ReadonlyMap<string, Sighting>): number {
  return [...sightings.values()].reduce(
    (sum, { gone, footprint }) => sum + (gone ? 0 : (footprint.measuredBytes ?? 0)),
    0,
  );
}

function lookAtShare(before: Watch["share"], sum: number, shareBytes: number, now: number): Watch["share"] {
  if (sum <= shareBytes) return { over: 0, lookedAt: now };
  if (before.over > 0 && now - before.lookedAt < SHARE_LOOK_MS) return before;
  return { over: before.over + 1, lookedAt: now };
}

function evictable(
  { key, priority, protected: isProtected, budget, startedAt, leaving }: Watched,
  sightings: ReadonlyMap<string, Sighting>,
) {
  const seen = sightings.get(key);
  if (seen === undefined || seen.gone) return [];
  const chargeBytes = seen.footprint.measuredBytes ?? 0;
  const order = { priority, protected: isProtected, chargeBytes, budgetBytes: budget.bytes, startedAt };
  return [{ id: key, ...order, leaving: leaving || seen.stop !== undefined }];
}
