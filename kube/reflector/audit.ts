import { type Clock, sleep } from "../clock.ts";
import { listAll } from "./list-all.ts";
import type { LiveStore } from "./live-store.ts";
import type { ReflectorOptions } from "./options.ts";
import type { Entries, Entry } from "./store.ts";

/** How far the watch has come. */
export interface Progress {
  /** The resource version that was seen last; undefined while a list is needed. */
  position(): string | undefined;
  /** Complete lists that were taken over. */
  lists(): number;
}

/** The API server sends a bookmark each minute, so a watch that works has caught up by then. */
const CATCH_UP_MS = 120_000;
const LOOK_MS = 1000;

/**
 * Compares what is known with a list of its own, beside the watch, which goes on. Whatever differs though the watch has come past the list and
 * told nothing of it meanwhile was missed: it is corrected.
 *
 * @returns how many keys were corrected
 */
export async function audit<T>(
  options: ReflectorOptions<T> & { readonly clock: Clock },
  store: LiveStore<T>,
  progress: Progress,
  signal: AbortSignal,
): Promise<number> {
  const { client, kind, selection = {}, parse, clock } = options;
  const touched = store.touchedKeys();
  const before = progress.lists();
  const listed = await listAll(client, kind, selection, parse, signal);
  if (!listed.ok) return 0;
  const until = clock.monotonic() + CATCH_UP_MS;
  while (!signal.aborted && !hasReached(progress.position(), listed.value.resourceVersion)) {
    if (clock.monotonic() >= until) break;
    await sleep(clock, LOOK_MS, signal);
  }
  // Another list took over meanwhile, or takes over next.
  if (signal.aborted || progress.lists() !== before || progress.position() === undefined) return 0;
  const missed = missedKeys(store.entries(), listed.value.entries, touched);
  for (const key of missed) store.correct(key, listed.value.entries.get(key));
  return missed.length;
}

/** The keys of which a list and what is known differ, but for those that something was heard of while the list was made. */
export function missedKeys<T>(known: Entries<T>, listed: Entries<T>, touched: ReadonlySet<string>): readonly string[] {
  const keys = new Set([...known.keys(), ...listed.keys()]);
  return [...keys].filter((key) => !touched.has(key) && !isSame(known.get(key), listed.get(key)));
}

function isSame<T>(one: Entry<T> | undefined, other: Entry<T> | undefined): boolean {
  return one?.uid === other?.uid && one?.resourceVersion === other?.resourceVersion;
}

/** Resource versions of one resource are numbers that grow (Kubernetes 1.35 says so; before, etcd's revisions were). */
export function hasReached(position: string | undefined, resourceVersion: string): boolean {
  if (position === undefined) return true;
  const [seen, wanted] = [position, resourceVersion].map((version) =>
    /^\d+$/.test(version) ? BigInt(version) : undefined,
  );
  return seen !== undefined && wanted !== undefined && seen >= wanted;
}
