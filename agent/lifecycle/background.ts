/**
 * Work that nobody waits for. What it throws is said under `what` and ends nothing else: one rejected promise must not be the
 * end of the agent.
 */
export type Background = (what: string, work: Promise<unknown>) => void;

/** @param say takes one sentence about work that failed */
export function backgroundWork(say: (message: string) => void): Background {
  return (what, work) => {
    work.catch((error: unknown) => say(`${what} failed: ${error instanceof Error ? error.message : String(error)}`));
  };
}
