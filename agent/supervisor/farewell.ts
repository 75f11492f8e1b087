import { DEFAULT_GRACE_PERIOD_MS } from "../workload/workload.ts";

/** What a person reads at the first Ctrl-C. `running`: by the names of the workloads that have a process. */
export function stopSentence(running: ReadonlyMap<string, unknown>): string {
  if (running.size === 0) return "ending: no server runs";
  const seconds = DEFAULT_GRACE_PERIOD_MS / 1000;
  return `stopping ${serversOf(running)}, which takes ${seconds} s at most; a second Ctrl-C kills at once`;
}

/** The last line of an agent that ends alone. */
export function leaveSentence(running: ReadonlyMap<string, unknown>): string {
  if (running.size === 0) return "ended: it left no server running";
  return `ended, and left ${serversOf(running)} running: the watchdog goes on enforcing budgets until the next agent takes over`;
}

function serversOf(running: ReadonlyMap<string, unknown>): string {
  return `${running.size === 1 ? "1 server" : `${running.size} servers`} (${[...running.keys()].sort().join(", ")})`;
}
