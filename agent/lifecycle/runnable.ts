/** Work that lasts as long as the agent: the reconcile loop, the status server, the collection of unused models. */
export interface Runnable {
  /** For log messages: `the status server`. */
  readonly name: string;
  /** Must end soon after `signal` is aborted, and not before. */
  run(signal: AbortSignal): Promise<void>;
}

/**
 * Runs `main`, and `others` until it ends. If one of the others fails or ends early, that is logged and everything else continues: an
 * agent without a status page still enforces budgets. Settles as `main` does, once all have ended.
 *
 * @param say gets one sentence about one of the others that failed or ended early
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
      if (!over.signal.aborted) say(`${name} ended while the agent still runs`);
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
