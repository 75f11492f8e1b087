import type { KubeObject } from "../client.ts";
import { keyOfObject } from "../keys.ts";

/** What a parser made of an object. A `Result` and a `KubeResult` are such. */
export type Parsed<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: string };

/** An object as far as it is kept. */
export interface Entry<T> {
  readonly uid: string | undefined;
  readonly resourceVersion: string | undefined;
  readonly parsed: Parsed<T>;
}

export type Entries<T> = ReadonlyMap<string, Entry<T>>;

/** What became of the object of a key. A deletion and an addition where another object of the same name took its place. */
export interface Change {
  readonly key: string;
  readonly type: "added" | "updated" | "deleted";
  /** Of the object that was deleted, added or updated. */
  readonly uid: string | undefined;
}

export function entryOf<T>(object: KubeObject, parse: (object: KubeObject) => Parsed<T>): Entry<T> {
  const { uid, resourceVersion } = object.metadata;
  return { uid, resourceVersion, parsed: parsedBy(parse, object) };
}

function parsedBy<T>(parse: (object: KubeObject) => Parsed<T>, object: KubeObject): Parsed<T> {
  try {
    return parse(object);
  } catch (error) {
    return { ok: false, error: error instanceof Error ? error.message : String(error) };
  }
}

/** From the entry that is known of a key to the one that is there now. Nothing where they are the same version. */
export function changesOf<T>(key: string, known: Entry<T> | undefined, now: Entry<T> | undefined): readonly Change[] {
  const deleted: Change[] = known === undefined ? [] : [{ key, type: "deleted", uid: known.uid }];
  if (now === undefined) return deleted;
  if (known === undefined || known.uid !== now.uid) return [...deleted, { key, type: "added", uid: now.uid }];
  return known.resourceVersion === now.resourceVersion ? [] : [{ key, type: "updated", uid: now.uid }];
}

/** From all that was known to a complete list. */
export function replacementOf<T>(known: Entries<T>, now: Entries<T>): readonly Change[] {
  const gone = [...known.keys()].filter((key) => !now.has(key));
  return [...gone, ...now.keys()].flatMap((key) => changesOf(key, known.get(key), now.get(key)));
}

export function entriesOf<T>(
  objects: Iterable<KubeObject>,
  parse: (object: KubeObject) => Parsed<T>,
): Map<string, Entry<T>> {
  return new Map(Array.from(objects, (object) => [keyOfObject(object), entryOf(object, parse)]));
}
