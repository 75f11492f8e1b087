import { randomBytes } from "node:crypto";
import type { KubeClient, KubeFailure, KubeObject, KubeResult } from "../client.ts";
import { type Clock, systemClock } from "../clock.ts";
import { KINDS } from "../kinds.ts";
import { NAMESPACE_GOING } from "../namespace-going.ts";
import { keyedQueue, type Outcome } from "../queue.ts";
import { microTime } from "../times.ts";
import { type EventNote, eventObject, type Reporter, seriesKey, subjectKey } from "./event.ts";
import { tokenBuckets } from "./token-buckets.ts";

export interface EventRecorderOptions extends Reporter {
  readonly client: KubeClient;
  /** Gets one sentence about events that cannot be written, and about those that are left out. */
  readonly report?: (message: string) => void;
  readonly clock?: Clock;
}

export interface EventRecorder {
  /** Writes an event, some time. Never fails and never waits: an event is a help, and no record. */
  record(event: EventNote): void;
  /** Writes until the signal is aborted. */
  run(signal: AbortSignal): Promise<void>;
  /** Events that were left out: too many at once, too many about one object, or refused by the server. */
  dropped(): number;
}

interface Series {
  readonly event: EventNote;
  count: number;
  lastAt: number;
  /** As the server has it; undefined until it was created. */
  written: KubeObject | undefined;
  writtenCount: number;
}

/** The same again within this time makes a series of an event. */
const SERIES_MS = 360_000;
/** A series is written at most this often. */
const REWRITE_MS = 60_000;
const MOST_SERIES = 1000;
const MOST_TRIES = 10;
/** Different events about one object: so many at once, then one in this time. */
const BURST = 25;
const REFILL_MS = 300_000;

export function eventRecorder(options: EventRecorderOptions): EventRecorder {
  const { client, controller, instance, clock = systemClock, report = () => {} } = options;
  const known = new Map<string, Series>();
  const allowance = tokenBuckets({ size: BURST, refillMs: REFILL_MS, most: MOST_SERIES });
  let dropped = 0;

  const queue = keyedQueue({
    workers: 1,
    clock,
    handle: async (key, signal) => {
      const series = known.get(key);
      if (series === undefined) return { ok: true };
      const idleMs = clock.monotonic() - series.lastAt;
      if (series.writtenCount < series.count) return await write(key, series, signal);
      if (idleMs >= SERIES_MS) known.delete(key);
      return idleMs >= SERIES_MS ? { ok: true } : { ok: true, againAfterMs: SERIES_MS - idleMs };
    },
    failed: (key, error, inARow) => {
      if (inARow === 1) report(`an event cannot be written: ${error}`);
      if (inARow >= MOST_TRIES) drop(key);
    },
  });

  async function write(key: string, series: Series, signal: AbortSignal): Promise<Outcome> {
    // A new event counts for one; how often it was comes with the next write.
    const count = series.written === undefined ? 1 : series.count;
    const answer = await (series.written === undefined
      ? create(series, signal)
      : update(series.written, series, signal));
    if (answer.ok) {
      series.written = answer.value;
      series.writtenCount = count;
      return { ok: true, againAfterMs: REWRITE_MS };
    }
    if (answer.kind === "not-found" && series.written !== undefined) {
      series.written = undefined;
      return { ok: true, againAfterMs: 0 };
    }
    if (!isFinal(answer)) return answer;
    if (!answer.error.includes(NAMESPACE_GOING)) report(`an event is left out: ${answer.error}`);
    drop(key);
    return { ok: true };
  }

  function create({ event }: Series, signal: AbortSignal): Promise<KubeResult<KubeObject>> {
    const object = eventObject(event, { controller, instance }, randomBytes(8).toString("hex"), clock.now());
    return client.create(KINDS.event, object, { signal });
  }

  function update(written: KubeObject, { count }: Series, signal: AbortSignal): Promise<KubeResult<KubeObject>> {
    const series = { count, lastObservedTime: microTime(clock.now()) };
    return client.patch(KINDS.event, written.metadata, { series }, { type: "merge", signal });
  }

  function drop(key: string): void {
    known.delete(key);
    dropped += 1;
  }

  function record(event: EventNote): void {
    const key = seriesKey(event);
    const now = clock.monotonic();
    const series = known.get(key);
    if (series !== undefined && now - series.lastAt < SERIES_MS) {
      series.count += 1;
      series.lastAt = now;
      queue.addAfter(key, REWRITE_MS);
      return;
    }
    if (known.size >= MOST_SERIES || !allowance.take(subjectKey(event.regarding), now)) {
      dropped += 1;
      return;
    }
    known.set(key, { event, count: 1, lastAt: now, written: undefined, writtenCount: 0 });
    queue.add(key);
  }

  return { record, run: (signal) => queue.run(signal), dropped: () => dropped };
}

/** The same request will fail again: the namespace is going, the right is missing, the event is not as the server wants it. */
function isFinal({ kind }: KubeFailure): boolean {
  return kind === "forbidden" || kind === "invalid" || kind === "not-found" || kind === "conflict";
}
