import { type BackOff, waitAfterFailure } from "../back-off.ts";
import type { KubeFailure, KubeFailureKind, KubeObject } from "../client.ts";
import { sleep, systemClock } from "../clock.ts";
import { following } from "./follow.ts";
import { liveStore } from "./live-store.ts";
import type { Reflector, ReflectorOptions } from "./options.ts";
import type { Parsed } from "./store.ts";

export type { Reflector, ReflectorCounts, ReflectorOptions } from "./options.ts";
export type { Change, Parsed } from "./store.ts";

const BACK_OFF: BackOff = { firstMs: 800, longestMs: 30_000 };

/** After these there is no place in the stream to go on from. */
const START_OVER: ReadonlySet<KubeFailureKind> = new Set(["gone", "not-found", "invalid"]);

/** Keeps objects whole. */
export function wholeObject(object: KubeObject): Parsed<KubeObject> {
  return { ok: true, value: object };
}

/**
 * Keeps a copy of the objects of a kind: a list, then a watch from there, for ever. Whatever fails is tried again after a wait with full
 * jitter: a kind that does not exist yet, a missing right, a server that is away. What was known stays known meanwhile.
 */
export function reflector<T>(options: ReflectorOptions<T>): Reflector<T> {
  const { client, kind, parse, changed = () => {}, report = () => {} } = options;
  const { clock = systemClock, random = Math.random } = options;
  const counts = { lists: 0, watches: 0, failures: 0, corrections: 0 };
  const synced = Promise.withResolvers<true>();
  let failuresInARow = 0;
  let said: string | undefined;

  const store = liveStore({
    parse,
    changed,
    handlerFailed: (key, error) =>
      report(`${kind.plural}: a handler failed on ${key}: ${error instanceof Error ? error.message : String(error)}`),
  });
  const follow = following({ ...options, clock, random }, store, counts, () => {
    if (counts.lists > 0) synced.resolve(true);
    failuresInARow = 0;
    if (said !== undefined) report(`${kind.plural}: ${client.server} answers again`);
    said = undefined;
  });

  function noteFailure(failure: KubeFailure): number {
    counts.failures += 1;
    failuresInARow += 1;
    if (START_OVER.has(failure.kind)) follow.startOver();
    if (said !== failure.error) report(failure.error);
    said = failure.error;
    return waitAfterFailure(BACK_OFF, failuresInARow, random, failure.retryAfterMs);
  }

  return {
    run: async (signal) => {
      while (!signal.aborted) {
        const end = await follow.step(signal);
        if (!end.ok && !signal.aborted) await sleep(clock, noteFailure(end), signal);
      }
    },
    get: (key) => {
      const parsed = store.entries().get(key)?.parsed;
      return parsed?.ok ? parsed.value : undefined;
    },
    list: () => Array.from(store.entries().values()).flatMap(({ parsed }) => (parsed.ok ? [parsed.value] : [])),
    keys: () => [...store.entries().keys()],
    problem: (key) => {
      const parsed = store.entries().get(key)?.parsed;
      return parsed === undefined || parsed.ok ? undefined : parsed.error;
    },
    synced: () => counts.lists > 0,
    trouble: () => said,
    whenSynced: (signal) => Promise.race([synced.promise, aborted(signal)]),
    counts: () => ({ ...counts, objects: store.entries().size }),
  };
}

function aborted(signal: AbortSignal): Promise<false> {
  if (signal.aborted) return Promise.resolve(false);
  const { promise, resolve } = Promise.withResolvers<false>();
  signal.addEventListener("abort", () => resolve(false), { once: true });
  return promise;
}
