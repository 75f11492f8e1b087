import type { AgentSignals } from "../agent/main/startup.ts";

/** Stop every server. SIGHUP: its terminal was closed. */
const STOP = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
/** End the agent alone: its servers run on for the next one. */
const LEAVE = ["SIGQUIT", "SIGUSR2"] as const;

export type EndSignal = (typeof STOP)[number] | (typeof LEAVE)[number];
export type Phase = "running" | "stopping" | "leaving";

/** `kill`: end all servers and the agent at once. `end`: end the agent at once, and touch no server. */
export type EndAct = "stop" | "leave" | "kill" | "end" | "nothing";

/**
 * Signals that come closer together than this are one: npx and npm pass on a Ctrl-C that the terminal has sent already, and a shell
 * passes on the SIGHUP of a terminal that is closed.
 */
const ONE_SIGNAL_MS = 300;

/**
 * What a signal means to an agent that was told to end before, or was not.
 *
 * @param sinceLastMs milliseconds since the last signal; Infinity for the first one
 */
export function meaningOf(signal: EndSignal, phase: Phase, sinceLastMs: number): EndAct {
  if (sinceLastMs < ONE_SIGNAL_MS) return "nothing";
  if (isLeave(signal)) return phase === "leaving" ? "end" : "leave";
  if (phase === "running") return "stop";
  if (phase === "leaving") return "end";
  // A closed terminal is no person who cannot wait.
  return signal === "SIGHUP" ? "nothing" : "kill";
}

function isLeave(signal: EndSignal): boolean {
  return LEAVE.some((one) => one === signal);
}

export interface SignalOptions {
  /** Ends this process at once. */
  readonly end: (exitCode: number) => void;
  readonly say: (message: string) => void;
}

export const EXIT_KILLED = 130;
const EXIT_LEFT = 0;

/** Takes over the signals of this process until `off`. SIGUSR1 then does nothing: Node.js would open its debugger to all users. */
export function takeSignals({ end, say }: SignalOptions): { readonly signals: AgentSignals; readonly off: () => void } {
  const [stop, leave, kill] = [new AbortController(), new AbortController(), new AbortController()];
  let phase: Phase = "running";
  let lastAt = Number.NEGATIVE_INFINITY;
  const on = (signal: EndSignal) => {
    const now = performance.now();
    const act = meaningOf(signal, phase, now - lastAt);
    lastAt = now;
    if (act === "stop") phase = "stopping";
    if (act === "leave") phase = "leaving";
    if (act === "stop") stop.abort();
    else if (act === "leave") leave.abort();
    else if (act === "kill") kill.abort();
    if (act === "kill") end(EXIT_KILLED);
    else if (act === "end") end(EXIT_LEFT);
  };
  const onDebug = () => say("SIGUSR1 does nothing here: pulumi-llmkube agent dump prints what the agent holds");
  for (const signal of [...STOP, ...LEAVE]) process.on(signal, on);
  process.on("SIGUSR1", onDebug);
  return {
    signals: { stop: stop.signal, leave: leave.signal, kill: kill.signal },
    off: () => {
      for (const signal of [...STOP, ...LEAVE]) process.off(signal, on);
      process.off("SIGUSR1", onDebug);
    },
  };
}
