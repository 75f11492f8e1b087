import { setTimeout as sleep } from "node:timers/promises";
import { type BackOff, nextTry } from "./next-try.ts";
import { failureOf, Refusal, TransientRefusal } from "./refusal.ts";

export interface Retrying {
  readonly signal: AbortSignal;
  /** Failures in a row after which it is given up. */
  readonly retries: number;
  readonly backOff: BackOff;
  /** How long a server may ask to wait, in milliseconds from now: one that asks for more has said no. */
  readonly patienceMs: () => number;
  /** Something that grows while bytes come: a failure after some of them counts as none, and the next try comes soon. */
  readonly progress?: () => number;
  /** Why nothing comes for a while. */
  readonly waiting?: (message: string) => void;
}

/** Tries again within one read or download, after failures that seconds may mend; not after a 429 without a time. Throws the last one. */
export async function retrying<T>(attempt: () => Promise<T>, options: Retrying): Promise<T> {
  const { signal, retries, progress = () => 0 } = options;
  let failures = 0;
  for (;;) {
    const before = progress();
    try {
      return await attempt();
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof TransientRefusal) || asksForPeace(error)) throw error;
      failures = progress() > before ? 0 : failures + 1;
      if (failures > retries) throw error;
      await sleep(waitAfter(error, failures, options), undefined, { signal });
    }
  }
}

/** Of the first wait, what is waited where a connection broke off that had brought something: such a server serves on at once. */
const AFTER_PROGRESS = 0.25;

/** A server that has had enough, and does not say for how long: what is tried within seconds only makes it worse. */
function asksForPeace({ kind, retryAfterMs }: TransientRefusal): boolean {
  return kind === "throttled" && retryAfterMs === undefined;
}

function waitAfter(refusal: TransientRefusal, failures: number, { backOff, patienceMs, waiting }: Retrying): number {
  const { message, kind, retryAfterMs = 0 } = refusal;
  const seconds = Math.ceil(retryAfterMs / 1000);
  if (retryAfterMs > patienceMs()) {
    throw new Refusal(`${message} and asks to wait ${seconds} s`, kind, retryAfterMs);
  }
  waiting?.(retryAfterMs > 0 ? `${message}: trying again in ${seconds} s` : `${message}: trying again`);
  const first = failures === 0 ? { ...backOff, firstMs: backOff.firstMs * AFTER_PROGRESS } : backOff;
  return nextTry(failureOf(refusal), Math.max(failures, 1), Math.random, first);
}
