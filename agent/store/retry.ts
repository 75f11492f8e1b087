import { setTimeout as sleep } from "node:timers/promises";
import pRetry from "p-retry";
import { TransientRefusal } from "../../fetch/http-request.ts";
import { Refusal } from "../../fetch/refusal.ts";
import type { StoreLimits } from "./limits.ts";

export interface Retrying {
  readonly signal: AbortSignal;
  readonly limits: Pick<StoreLimits, "retries" | "backOffMs">;
  /** Something that grows while bytes come: as long as it does, tries are not counted. */
  readonly progress: () => number;
  /** Why nothing comes for a while. */
  readonly waiting: (message: string) => void;
}

const MAX_BACKOFF_MS = 30_000;
/** A server that asks for more has said no. */
const MAX_RETRY_AFTER_MS = 15 * 60_000;

/** Tries again after transient failures, after as long as the server asks for, until a whole row of tries brought nothing. */
export async function retrying<T>(attempt: () => Promise<T>, options: Retrying): Promise<T> {
  for (;;) {
    const before = options.progress();
    try {
      return await rowOfTries(attempt, options);
    } catch (error) {
      if (!(error instanceof TransientRefusal) || options.progress() === before) throw error;
    }
  }
}

function rowOfTries<T>(attempt: () => Promise<T>, { signal, limits, waiting }: Retrying): Promise<T> {
  return pRetry(attempt, {
    retries: limits.retries,
    minTimeout: limits.backOffMs,
    maxTimeout: MAX_BACKOFF_MS,
    randomize: true,
    signal,
    shouldRetry: ({ error }) => error instanceof TransientRefusal,
    onFailedAttempt: async ({ error, retriesLeft }) => {
      if (!(error instanceof TransientRefusal) || retriesLeft === 0) return;
      const wait = error.retryAfterMs ?? 0;
      const seconds = Math.ceil(wait / 1000);
      if (wait > MAX_RETRY_AFTER_MS) throw new Refusal(`${error.message} and asks to wait ${seconds} s`);
      waiting(wait > 0 ? `${error.message}: trying again in ${seconds} s` : `${error.message}: trying again`);
      await sleep(wait, undefined, { signal });
    },
  });
}
