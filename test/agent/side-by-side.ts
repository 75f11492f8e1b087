/** Work that runs side by side, a bounded number at once, in the order in which it was added. */
export interface SideBySide {
  /** Settles as `work` does, once it had its turn. */
  readonly add: <T>(work: () => Promise<T>) => Promise<T>;
  /** Runs all that was added, to its end. */
  readonly run: () => Promise<void>;
}

export function sideBySide(lanes: number): SideBySide {
  const waiting: (() => Promise<unknown>)[] = [];
  const lane = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) await next();
  };
  return {
    add: <T>(work: () => Promise<T>) => {
      const { promise, resolve, reject } = Promise.withResolvers<T>();
      waiting.push(() => work().then(resolve, reject));
      // Whoever added it awaits it later.
      promise.catch(() => {});
      return promise;
    },
    run: async () => {
      await Promise.all(Array.from({ length: lanes }, lane));
    },
  };
}

/** What is to be undone, the last first. */
export type Ends = (() => Promise<unknown>)[];

/** Runs `work`, then undoes what it left in its list, however it ended. */
export async function undone<T>(work: (ends: Ends) => Promise<T>): Promise<T> {
  const ends: Ends = [];
  try {
    return await work(ends);
  } finally {
    for (const end of ends.toReversed()) await end();
  }
}
