/**
 * Runs work that nothing waits for. An error is logged under the name `what` and ends nothing else: one rejected promise must not end
 * the agent.
 */
export type Background = (what: string, work: Promise<unknown>) => void;

/** @param say gets one sentence about work that failed */
export function backgroundWork(say: (message: string) => void): Background {
  return (what, work) => {
    work.catch((error: unknown) => say(`${what} failed: ${error instanceof Error ? error.message : String(error)}`));
  };
}
