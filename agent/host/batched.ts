/** Answers that were found, by what was asked for. */
export type Answers = ReadonlyMap<number, number>;

/**
 * One question at a time for what many ask at once: a command that costs the same for one process as for twenty is run once.
 * Null for whom there is no answer.
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
