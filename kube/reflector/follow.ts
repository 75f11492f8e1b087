import type { KubeFailure, KubeResult, Selection, WatchEvent } from "../client.ts";
import type { Clock } from "../clock.ts";
import { failed, succeeded } from "../failure.ts";
import { listAll } from "./list-all.ts";
import type { LiveStore } from "./live-store.ts";
import type { ReflectorOptions } from "./options.ts";

/** The API server sends a bookmark each minute. */
const SILENCE_MS = 150_000;
const SHORTEST_WATCH_S = 300;
/** A watch that ends sooner and brought nothing counts as failed. */
const SHORT_WATCH_MS = 1000;

export interface Counts {
  lists: number;
  watches: number;
  corrections: number;
}

export interface Following {
  /** Lists where that is needed, and watches until the watch ends; a success where the server ended it in order. */
  step(signal: AbortSignal): Promise<KubeResult<void>>;
  /** The next step begins with a list. */
  startOver(): void;
}

/**
 * One round after the other of list and watch.
 *
 * @param heard is called when the server has told something
 */
export function following<T>(
  options: ReflectorOptions<T> & { readonly clock: Clock; readonly random: () => number },
  store: LiveStore<T>,
  counts: Counts,
  heard: () => void,
): Following {
  const { client, kind, selection = {}, parse, clock, random } = options;
  /** What was seen last; undefined: a list is needed. */
  let position: string | undefined;

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

  async function watchOn(resourceVersion: string, signal: AbortSignal): Promise<KubeResult<void>> {
    counts.watches += 1;
    let inStream: KubeFailure | undefined;
    let events = 0;
    const startedAt = clock.monotonic();
    const onEvent = (event: WatchEvent) => {
      events += 1;
      if (event.type === "ERROR") inStream ??= event.failure;
      else take(event);
    };
    const timing = { timeoutSeconds: SHORTEST_WATCH_S * (1 + random()), silenceMs: SILENCE_MS };
    const end = await client.watch(kind, { ...selection, resourceVersion, ...timing }, onEvent, signal);
    if (inStream !== undefined) return inStream;
    const tooShort = end.ok && events === 0 && clock.monotonic() - startedAt < SHORT_WATCH_MS;
    return tooShort ? failed("unavailable", `watch ${kind.plural}: ${client.server} ends it at once`) : end;
  }

  async function list(all: Selection, signal: AbortSignal): Promise<KubeResult<string>> {
    const listed = await listAll(client, kind, all, parse, signal);
    if (!listed.ok) return listed;
    counts.lists += 1;
    store.replace(listed.value.entries);
    heard();
    return succeeded(listed.value.resourceVersion);
  }

  return {
    step: async (signal) => {
      if (position === undefined) {
        const listed = await list(selection, signal);
        if (!listed.ok) return listed;
        position = listed.value;
      }
      return signal.aborted ? succeeded(undefined) : await watchOn(position, signal);
    },
    startOver: () => {
      position = undefined;
    },
  };
}
