import type { KubeClient, KubeObject } from "../../../kube/client.ts";
import { refOf } from "../../../kube/keys.ts";
import type { ResourceKind } from "../../../kube/kinds.ts";
import { type Parsed, type Reflector, reflector } from "../../../kube/reflector/reflector.ts";
import type { Known } from "./accept.ts";

/** Single objects of one kind, by `namespace/name`: only those that somebody serves, so that a change elsewhere in a fleet wakes nobody. */
export interface WatchedObjects<T> {
  /** Watches these from now on, and no others. */
  want(keys: ReadonlySet<string>): void;
  known(key: string): Known<T>;
  /** One sentence for each watch that fails at the moment. */
  problems(): readonly string[];
  close(): Promise<void>;
}

export interface WatchedOptions<T> {
  readonly client: KubeClient;
  readonly kind: ResourceKind;
  readonly parse: (object: KubeObject) => Parsed<T>;
  /** Called whenever `known` answers differently. */
  readonly changed: () => void;
}

interface Watch<T> {
  readonly objects: Reflector<Identified<T>>;
  readonly over: AbortController;
  readonly ended: Promise<void>;
}

interface Identified<T> {
  readonly uid: string;
  readonly value: T;
}

const UNHEARD = { is: "unheard" } as const;

/**
 * A Mac with 20 models has some 60 of these watches. Each begins anew once in one to two hours, and is compared with a list once an hour: two
 * requests a minute in all. A watch that is dead is found by its silence all the same.
 */
const RARELY = { shortestWatchSeconds: 3600, relistMs: 3_600_000 } as const;

export function watchedObjects<T>({ client, kind, parse, changed }: WatchedOptions<T>): WatchedObjects<T> {
  const watches = new Map<string, Watch<T>>();
  const begin = (key: string): Watch<T> => {
    const { namespace, name } = refOf(key);
    const over = new AbortController();
    const objects = reflector<Identified<T>>({
      ...{ client, kind, changed, selection: { namespace, fieldSelector: `metadata.name=${name}` }, ...RARELY },
      parse: (object) => identified(object, parse),
    });
    const ended = Promise.all([objects.run(over.signal), tellOnce(objects, over.signal, changed)]);
    return { objects, over, ended: ended.then(() => {}) };
  };
  return {
    want: (keys) => {
      for (const [key, { over }] of watches) {
        if (keys.has(key)) continue;
        over.abort();
        watches.delete(key);
      }
      for (const key of keys) if (!watches.has(key)) watches.set(key, begin(key));
    },
    known: (key) => {
      const objects = watches.get(key)?.objects;
      if (objects === undefined) return UNHEARD;
      const found = objects.get(key);
      if (found !== undefined) return { is: "known", ...found };
      const problem = objects.problem(key);
      if (problem !== undefined) return { is: "unreadable", problem };
      return objects.synced() ? { is: "absent" } : UNHEARD;
    },
    problems: () => [...watches.values()].flatMap(({ objects }) => objects.trouble() ?? []),
    close: async () => {
      const all = [...watches.values()];
      watches.clear();
      for (const { over } of all) over.abort();
      await Promise.all(all.map(({ ended }) => ended));
    },
  };
}

/** That an object is absent changes nothing in a store, and is news all the same. */
async function tellOnce<T>(objects: Reflector<T>, signal: AbortSignal, changed: () => void): Promise<void> {
  if (await objects.whenSynced(signal)) changed();
}

function identified<T>(object: KubeObject, parse: (object: KubeObject) => Parsed<T>): Parsed<Identified<T>> {
  const parsed = parse(object);
  return parsed.ok ? { ok: true, value: { uid: object.metadata.uid ?? "", value: parsed.value } } : parsed;
}
