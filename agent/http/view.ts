import type { AgentStatus } from "../status/status.ts";

/** What HTTP clients are shown: the agent's last status, and how long ago it was made. */
export interface View {
  readonly status: () => AgentStatus | undefined;
  /** Milliseconds since the last tick, or since HTTP was opened where there was none. */
  readonly ageMs: () => number;
  /** Called with each new status until the answer is called. */
  readonly subscribe: (listener: (status: AgentStatus) => void) => () => void;
}

export interface ViewOfLoop extends View {
  readonly show: (status: AgentStatus) => void;
}

/** @param clock milliseconds that never go back */
export function viewOfLoop(clock: () => number): ViewOfLoop {
  let last: AgentStatus | undefined;
  let at = clock();
  const listeners = new Set<(status: AgentStatus) => void>();
  return {
    status: () => last,
    ageMs: () => clock() - at,
    subscribe: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    show: (status) => {
      last = status;
      at = clock();
      for (const listener of listeners) listener(status);
    },
  };
}
