/** Something that lives as long as the agent: the reconcile loop, the status server, the collection of unused models. */
export interface Runnable {
  /** For the log: `the status server`. */
  readonly name: string;
  /** Ends soon after `signal` is aborted, and not before. */
  run(signal: AbortSignal): Promise<void>;
}

/**
 * Runs `main`, and `others` for as long as it lives. One of the others that fails, or ends before its time, is said and ends nothing
 * else: an agent without a status page still holds its budgets. Settles as `main` does, when all have ended.
 *
 * @param say takes one sentence about another one that ended before its time
 */
export async function runBeside(
  main: Runnable,
  others: readonly Runnable[],
  signal: AbortSignal,
  say: (message: string) => void,
): Promise<void> {
  const over = new AbortController();
  const running = others.map(async ({ name, run }) => {
    try {
      await run(over.signal);
      if (!over.signal.aborted) say(`${name} ended, though the agent goes on`);
    } catch (error) {
      say(`${name} failed: ${error instanceof Error ? error.message : String(error)}`);
    }
  });
  try {
    await main.run(signal);
  } finally {
    over.abort();
    await Promise.all(running);
  }
}
