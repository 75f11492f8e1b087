import type { KubeObject } from "../client.ts";
import { keyOfObject } from "../keys.ts";
import { type Change, changesOf, type Entries, type Entry, entryOf, type Parsed, replacementOf } from "./store.ts";

/** What is known of the objects now, and who hears of changes. */
export interface LiveStore<T> {
  /** Parses and keeps an object that is there now. */
  put(object: KubeObject): void;
  remove(object: KubeObject): void;
  /** A complete list takes the place of everything. */
  replace(now: Map<string, Entry<T>>): void;
  entries(): Entries<T>;
}

export interface StoreOptions<T> {
  readonly parse: (object: KubeObject) => Parsed<T>;
  readonly changed: (change: Change) => void;
  /** Gets what a handler threw. */
  readonly handlerFailed: (key: string, error: unknown) => void;
}

export function liveStore<T>({ parse, changed, handlerFailed }: StoreOptions<T>): LiveStore<T> {
  let entries = new Map<string, Entry<T>>();

  function announce(changes: readonly Change[]): void {
    for (const change of changes) {
      try {
        changed(change);
      } catch (error) {
        handlerFailed(change.key, error);
      }
    }
  }

  return {
    put: (object) => {
      const key = keyOfObject(object);
      const entry = entryOf(object, parse);
      const changes = changesOf(key, entries.get(key), entry);
      entries.set(key, entry);
      announce(changes);
    },
    remove: (object) => {
      const key = keyOfObject(object);
      const changes = changesOf(key, entries.get(key), undefined);
      entries.delete(key);
      announce(changes);
    },
    replace: (now) => {
      const changes = replacementOf(entries, now);
      entries = now;
      announce(changes);
    },
    entries: () => entries,
  };
}
