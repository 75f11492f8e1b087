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
  /** What a key has; nothing where there is no such object. */
  correct(key: string, now: Entry<T> | undefined): void;
  entries(): Entries<T>;
  /** From now on, the keys of which anything was heard. */
  touchedKeys(): ReadonlySet<string>;
}

export interface StoreOptions<T> {
  readonly parse: (object: KubeObject) => Parsed<T>;
  readonly changed: (change: Change) => void;
  /** Gets what a handler threw. */
  readonly handlerFailed: (key: string, error: unknown) => void;
}

export function liveStore<T>({ parse, changed, handlerFailed }: StoreOptions<T>): LiveStore<T> {
  let entries = new Map<string, Entry<T>>();
  let touched = new Set<string>();

  function announce(changes: readonly Change[]): void {
    for (const change of changes) {
      try {
        changed(change);
      } catch (error) {
        handlerFailed(change.key, error);
      }
    }
  }

  function correct(key: string, now: Entry<T> | undefined): void {
    const changes = changesOf(key, entries.get(key), now);
    if (now === undefined) entries.delete(key);
    else entries.set(key, now);
    touched.add(key);
    announce(changes);
  }

  return {
    put: (object) => correct(keyOfObject(object), entryOf(object, parse)),
    remove: (object) => correct(keyOfObject(object), undefined),
    replace: (now) => {
      const changes = replacementOf(entries, now);
      entries = now;
      announce(changes);
    },
    correct,
    entries: () => entries,
    touchedKeys: () => {
      touched = new Set();
      return touched;
    },
  };
}
