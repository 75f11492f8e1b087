/** Answers by key. */
export type Answers = ReadonlyMap<number, number>;

/**
 * Combines calls that are made at the same time into one `ask`: a command that costs the same for one process as for
 * twenty runs once. Gives null for a key without an answer.
 */
export function batched(ask: (keys: readonly number[]) => Promise<Answers>): (key: number) => Promise<number | null> {
  let next: { readonly keys: Set<number>; readonly answers: Promise<Answers> } | undefined;
  return async (key) => {
    if (next === undefined) {
      const keys = new Set<number>();
      const answers = Promise.resolve().then(() => {
        next = undefined;
        return ask([...keys]);
      });
      next = { keys, answers };
    }
    next.keys.add(key);
    return (await next.answers).get(key) ?? null;
  };
}
