import type { KubeClient, KubeFailure, KubeResult, WatchEvent } from "../client.ts";
import type { Clock } from "../clock.ts";
import { failed, succeeded } from "../failure.ts";
import { keyOfObject } from "../keys.ts";
import type { Progress } from "./audit.ts";
import { listAll } from "./list-all.ts";
import type { LiveStore } from "./live-store.ts";
import type { ReflectorOptions } from "./options.ts";
import { type Entry, entryOf } from "./store.ts";

const SILENCE_MS = 150_000;
const SHORTEST_WATCH_S = 600;
/** A watch that ends sooner and brought nothing counts as failed. */
const SHORT_WATCH_MS = 1000;

export interface Counts {
  lists: number;
  watches: number;
}

export interface Following extends Progress {
  /** Lists where that is needed, and watches until the watch ends; a success where the server ended it in order. */
  step(signal: AbortSignal): Promise<KubeResult<void>>;
  /** The next step begins with a list. */
  startOver(): void;
}

/**
 * One round after the other of list and watch. The first list comes as events of the watch itself where the server can do that: nothing is
 * listed twice, and no page has to be held in one piece.
 *
 * @param heard is called when the server has told something
 */
export function following<T>(
  options: ReflectorOptions<T> & { readonly clock: Clock; readonly random: () => number },
  store: LiveStore<T>,
  counts: Counts,
  heard: () => void,
): Following {
  const { client, kind, selection = {}, parse, clock, random, silenceMs = SILENCE_MS } = options;
  const { shortestWatchSeconds = SHORTEST_WATCH_S } = options;
  let position: string | undefined;
  let listsInWatch = true;

  function takeOver(entries: Map<string, Entry<T>>, resourceVersion: string): void {
    position = resourceVersion;
    counts.lists += 1;
    store.replace(entries);
    heard();
  }

  function take(event: Exclude<WatchEvent, { type: "ERROR" }>): void {
    heard();
    if (event.type === "BOOKMARK") {
      position = event.resourceVersion;
      return;
    }
    position = event.object.metadata.resourceVersion ?? position;
    if (event.type === "DELETED") store.remove(event.object);
    else store.put(event.object);
  }

  async function watch(from: WatchFrom, taking: typeof take, signal: AbortSignal): Promise<KubeResult<void>> {
    counts.watches += 1;
    let inStream: KubeFailure | undefined;
    let events = 0;
    const startedAt = clock.monotonic();
    const onEvent = (event: WatchEvent) => {
      events += 1;
      if (event.type === "ERROR") inStream ??= event.failure;
      else if (inStream === undefined) taking(event);
    };
    const timing = { timeoutSeconds: shortestWatchSeconds * (1 + random()), silenceMs };
    const end = await client.watch(kind, { ...selection, ...from, ...timing }, onEvent, signal);
    if (inStream !== undefined) return inStream;
    const tooShort = end.ok && events === 0 && clock.monotonic() - startedAt < SHORT_WATCH_MS;
    return tooShort ? failed("unavailable", `watch ${kind.plural}: ${client.server} ends it at once`) : end;
  }

  /** What came before the bookmark that ends the list is a part of a list, and proves nothing. */
  async function listAndWatch(signal: AbortSignal): Promise<KubeResult<void>> {
    const entries = new Map<string, Entry<T>>();
    const listing = (event: Exclude<WatchEvent, { type: "ERROR" }>) => {
      if (position !== undefined) take(event);
      else if (event.type !== "BOOKMARK") collect(entries, event);
      else if (event.initialEventsEnd) takeOver(entries, event.resourceVersion);
    };
    const end = await watch({ sendInitialEvents: true }, listing, signal);
    if (!end.ok || position !== undefined) return end;
    return failed("unavailable", `watch ${kind.plural}: ${client.server} ends it before its list is complete`);
  }

  function collect(entries: Map<string, Entry<T>>, event: Exclude<WatchEvent, { type: "ERROR" | "BOOKMARK" }>): void {
    const key = keyOfObject(event.object);
    if (event.type === "DELETED") entries.delete(key);
    else entries.set(key, entryOf(event.object, parse));
  }

  async function begin(signal: AbortSignal): Promise<KubeResult<void>> {
    if (listsInWatch) {
      const end = await listAndWatch(signal);
      if (end.ok || end.kind !== "invalid" || position !== undefined) return end;
      listsInWatch = false;
    }
    const listed = await listAll(client, kind, selection, parse, signal);
    if (!listed.ok) return listed;
    takeOver(listed.value.entries, listed.value.resourceVersion);
    return succeeded(undefined);
  }

  return {
    step: (signal) => (position === undefined ? begin(signal) : watch({ resourceVersion: position }, take, signal)),
    startOver: () => {
      position = undefined;
    },
    position: () => position,
    lists: () => counts.lists,
  };
}

type WatchFrom = Pick<Parameters<KubeClient["watch"]>[1], "resourceVersion" | "sendInitialEvents">;
