/** How long Pulumi has to say that a Ctrl-C of the terminal has reached it too. */
const HEARD_MS = 700;
/** Signals that come closer together are one: npx and npm pass on a Ctrl-C that the terminal has sent already. */
const ONE_SIGNAL_MS = 300;

export const EXIT_INTERRUPTED = 130;

export interface Interrupts {
  /** Aborted when Pulumi is to be told to cancel. */
  readonly signal: AbortSignal;
  readonly interrupted: () => boolean;
  /** Takes whatever Pulumi prints, to learn whether it cancels already. */
  readonly hear: (text: string) => void;
  readonly off: () => void;
}

export interface InterruptOptions {
  readonly say: (line: string) => void;
  /** Ends this process at once. */
  readonly end: (exitCode: number) => void;
}

/**
 * Takes over SIGINT, SIGTERM and SIGHUP until `off`. The first cancels, a second one ends this process.
 *
 * A terminal sends Ctrl-C to Pulumi as well, which takes a second one as the order to end at once and leave the stack locked. So this
 * one is passed on only if Pulumi does not say that it cancels.
 */
export function takeInterrupts({ say, end }: InterruptOptions): Interrupts {
  const cancel = new AbortController();
  let heard = false;
  let lastAt = Number.NEGATIVE_INFINITY;
  let first = true;
  const onSignal = (signal: NodeJS.Signals) => {
    const now = performance.now();
    const again = now - lastAt >= ONE_SIGNAL_MS;
    lastAt = now;
    if (!again) return;
    if (!first) {
      say("ended at once: the stack may be left locked, and the next deploy unlocks it");
      end(EXIT_INTERRUPTED);
      return;
    }
    first = false;
    say("cancelling; a second Ctrl-C ends at once");
    if (signal !== "SIGINT") cancel.abort();
    else setTimeout(() => heard || cancel.abort(), HEARD_MS).unref();
  };
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  for (const signal of signals) process.on(signal, onSignal);
  return {
    signal: cancel.signal,
    interrupted: () => !first,
    hear: (text) => {
      if (/\^C received|cancell?ing/i.test(text)) heard = true;
    },
    off: () => {
      for (const signal of signals) process.off(signal, onSignal);
    },
  };
}
