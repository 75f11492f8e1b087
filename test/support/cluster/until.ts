import { setTimeout as sleep } from "node:timers/promises";
import { inspect } from "node:util";

export interface UntilOptions {
  /** Default: 30 s. */
  readonly timeoutMs?: number;
  /** Pause between two looks; default: 200 ms. */
  readonly everyMs?: number;
  /** Ends the wait with the reason of its abort, where what is waited for cannot come any more. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Looks again and again until what is seen is what is wanted. A look that throws counts as not yet.
 *
 * @param what finishes the sentence "It did not come about that ..."
 * @returns what was seen at last
 * @throws Error with what was seen last, or with what the last look threw
 */
export async function untilTrue<T>(
  what: string,
  look: () => Promise<T> | T,
  holds: (seen: T) => boolean,
  { timeoutMs = 30_000, everyMs = 200, signal }: UntilOptions = {},
): Promise<T> {
  const end = performance.now() + timeoutMs;
  let last = "nothing";
  for (;;) {
    signal?.throwIfAborted();
    try {
      const seen = await look();
      if (holds(seen)) return seen;
      last = typeof seen === "string" ? seen : inspect(seen, { depth: 8, breakLength: 160 });
    } catch (error) {
      last = error instanceof Error ? error.message : String(error);
    }
    if (performance.now() > end) {
      throw new Error(`It did not come about in ${timeoutMs / 1000} s that ${what}. Seen last: ${last}`);
    }
    await sleep(everyMs);
  }
}
