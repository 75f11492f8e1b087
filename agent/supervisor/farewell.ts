/** A server that runs when the agent ends. */
export interface LeftServer {
  /** `namespace/name` of its InferenceService. */
  readonly name: string;
  readonly gracePeriodMs: number;
}

/** What a person reads at the first Ctrl-C. */
export function stopSentence(running: readonly LeftServer[]): string {
  if (running.length === 0) return "ending: no server runs";
  const seconds = Math.ceil(Math.max(...running.map(({ gracePeriodMs }) => gracePeriodMs)) / 1000);
  return `stopping ${serversOf(running)}, which takes ${seconds} s at most; a second Ctrl-C kills at once`;
}

/** The last line of an agent that ends alone. */
export function leaveSentence(running: readonly Pick<LeftServer, "name">[]): string {
  if (running.length === 0) return "ended: it left no server running";
  return `ended, and left ${serversOf(running)} running: the watchdog goes on enforcing budgets until the next agent takes over`;
}

function serversOf(running: readonly Pick<LeftServer, "name">[]): string {
  const names = running.map(({ name }) => name).sort();
  return `${names.length === 1 ? "1 server" : `${names.length} servers`} (${names.join(", ")})`;
}
