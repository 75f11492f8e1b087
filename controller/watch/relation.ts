/** Which keys name which values: services their Models, say. Both ways in constant time. */
export interface Relation {
  /** Replaces all that `key` named. */
  set(key: string, values: Iterable<string>): void;
  remove(key: string): void;
  /** The keys that name this value. */
  keysOf(value: string): ReadonlySet<string>;
}

const NONE: ReadonlySet<string> = new Set();

export function relation(): Relation {
  const valuesOf = new Map<string, ReadonlySet<string>>();
  const keysOf = new Map<string, Set<string>>();

  function remove(key: string): void {
    for (const value of valuesOf.get(key) ?? NONE) {
      const keys = keysOf.get(value);
      keys?.delete(key);
      if (keys?.size === 0) keysOf.delete(value);
    }
    valuesOf.delete(key);
  }

  return {
    remove,
    set: (key, values) => {
      remove(key);
      const named = new Set(values);
      if (named.size === 0) return;
      valuesOf.set(key, named);
      for (const value of named) {
        const keys = keysOf.get(value) ?? new Set();
        keysOf.set(value, keys.add(key));
      }
    },
    keysOf: (value) => keysOf.get(value) ?? NONE,
  };
}
