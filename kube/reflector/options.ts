import type { KubeClient, KubeObject, Selection } from "../client.ts";
import type { Clock } from "../clock.ts";
import type { ResourceKind } from "../kinds.ts";
import type { Change, Parsed } from "./store.ts";

export interface ReflectorOptions<T> {
  readonly client: KubeClient;
  readonly kind: ResourceKind;
  /** Default: all objects of the kind. */
  readonly selection?: Selection;
  /**
   * What is kept of an object: the less, the less memory ten thousand take. A failure keeps the object out, and {@link Reflector.problem}
   * has the reason.
   */
  readonly parse: (object: KubeObject) => Parsed<T>;
  /** Called for each change, once the store has it. What it throws is reported, and ends nothing. */
  readonly changed?: (change: Change) => void;
  /** Gets one sentence about each new problem, and one when it is over. */
  readonly report?: (message: string) => void;
  /** Between lists beside the watch, in milliseconds, give or take a tenth; default: 10 min. */
  readonly relistMs?: number;
  /** A watch lasts from once to twice so many seconds, so that they do not all begin anew at once; default: 600. */
  readonly shortestWatchSeconds?: number;
  /** Without a word for so long a watch counts as dead; default: 150 s, as the API server sends a bookmark each minute. */
  readonly silenceMs?: number;
  readonly clock?: Clock;
  /** From 0 to 1. */
  readonly random?: () => number;
}

/** A copy of the objects of a kind that is kept up to date. */
export interface Reflector<T> {
  /** Lists and watches until the signal is aborted; never rejects. To be called once. */
  run(signal: AbortSignal): Promise<void>;
  /** By `namespace/name`, or `name`. */
  get(key: string): T | undefined;
  list(): readonly T[];
  /** Of all objects, those that are kept out included. */
  keys(): readonly string[];
  /** Why an object that exists is kept out. */
  problem(key: string): string | undefined;
  /** Whether there was a complete list. What is absent before that may exist. */
  synced(): boolean;
  /** Why it hears nothing at the moment, as one sentence; undefined while it does. */
  trouble(): string | undefined;
  /** Resolves to true once {@link synced}, to false when the signal is aborted before. */
  whenSynced(signal: AbortSignal): Promise<boolean>;
  counts(): ReflectorCounts;
}

export interface ReflectorCounts {
  readonly objects: number;
  /** Complete lists that were read, the first included. */
  readonly lists: number;
  readonly watches: number;
  readonly failures: number;
  /** What a periodic list found that the watch had not told of: 0 unless something is broken. */
  readonly corrections: number;
}
