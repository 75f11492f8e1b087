import { LRUCache } from "lru-cache";
import pLimit from "p-limit";
import { errorText } from "../../api/error-code.ts";
import { type Failure, fail, type Result } from "../../api/result.ts";
import { nextTry } from "../../fetch/next-try.ts";
import type { GgufHeader } from "../../gguf/header.ts";
import type { Clock } from "../../kube/clock.ts";
import { type HeaderFile, headerKey, unreadableSource } from "./source.ts";

export type HeaderView =
  | { readonly state: "reading" }
  | { readonly state: "read"; readonly header: GgufHeader }
  /** `againInMs`: when it is worth another look; undefined while it is tried again, or where only another source helps. */
  | { readonly state: "failed"; readonly failure: Failure; readonly againInMs: number | undefined };

export interface HeaderBook {
  /**
   * What is known of a header. Where nothing is, or a failure is due to be tried again, it is read in the background, and `waiter` is woken.
   * @param revision of the manifest: another one is a reason to try again what failed for good
   */
  look(file: HeaderFile, waiter: string, revision: string): HeaderView;
  /** What is known of a header, as {@link look} says it; nothing is read. */
  peek(file: HeaderFile): HeaderView;
  /** Reads so far, retries included. */
  reads(): number;
}

export interface HeaderBookOptions {
  readonly read: (file: HeaderFile, signal: AbortSignal) => Promise<Result<GgufHeader>>;
  readonly wake: (waiter: string) => void;
  readonly clock: Clock;
  /** Ends the reads that are under way. */
  readonly signal: AbortSignal;
  /** Reads at a time; default: 8. */
  readonly atOnce?: number;
  readonly random?: () => number;
}

interface Settled {
  readonly header: Result<GgufHeader>;
  readonly failures: number;
  /** Of the manifests that asked, where the failure is for good: each of them is a reason for one try. */
  readonly revisions: Set<string>;
  readonly isForGood: boolean;
  /** Of the clock that never goes back. */
  readonly retryAt: number;
}

const AT_ONCE = 8;
/** Of some 50 KiB each. An estimate is kept with its Deployment, so a header is needed only when something changes. */
const KEPT = 256;
/** What fails for good may be mended where nobody here can see it: a file that is uploaded, a licence that is accepted. */
const FAILED_FOR_GOOD_MS = 10 * 60_000;

/** Headers by source: each read once for all who ask, few at a time, and again after a failure. */
export function headerBook(options: HeaderBookOptions): HeaderBook {
  const { read, wake, clock, signal, random = Math.random } = options;
  const limit = pLimit(options.atOnce ?? AT_ONCE);
  const known = new LRUCache<string, Settled>({ max: KEPT });
  /** Who waits, by what is being read. */
  const reading = new Map<string, Set<string>>();
  let reads = 0;

  function begin(key: string, file: HeaderFile, revision: string, before: Settled | undefined): Set<string> {
    const waiters = new Set<string>();
    reading.set(key, waiters);
    const attempt = async () => {
      signal.throwIfAborted();
      reads += 1;
      return read(file, signal);
    };
    limit(attempt)
      .catch((error: unknown) => fail(errorText(error), "internal"))
      .then((header) => settle(key, header, new Set(before?.revisions).add(revision), (before?.failures ?? 0) + 1))
      .catch(() => {});
    return waiters;
  }

  function settle(key: string, header: Result<GgufHeader>, revisions: Set<string>, failures: number): void {
    const waiters = reading.get(key) ?? new Set();
    reading.delete(key);
    if (signal.aborted) return;
    const again = header.ok ? 0 : nextTry(header, failures, random);
    const isForGood = !Number.isFinite(again);
    const wait = isForGood ? FAILED_FOR_GOOD_MS * (1 + random() / 5) : again;
    known.set(key, { header, failures, revisions, isForGood, retryAt: clock.monotonic() + wait });
    for (const waiter of waiters) wake(waiter);
  }

  function look(file: HeaderFile, waiter: string, revision: string): HeaderView {
    const unreadable = unreadableSource(file.source);
    if (unreadable !== undefined) return { state: "failed", failure: unreadable, againInMs: undefined };
    const key = headerKey(file);
    const settled = known.get(key);
    if (settled?.header.ok) return { state: "read", header: settled.header.value };
    const inMs = settled === undefined ? 0 : settled.retryAt - clock.monotonic();
    const isDue = inMs <= 0 || (settled?.isForGood === true && !settled.revisions.has(revision));
    const under = reading.get(key) ?? (isDue ? begin(key, file, revision, settled) : undefined);
    settled?.revisions.add(revision);
    under?.add(waiter);
    // What a failure said stays until the next try has ended: a status must not flicker.
    if (settled !== undefined && !settled.header.ok) {
      return { state: "failed", failure: settled.header, againInMs: under === undefined ? inMs : undefined };
    }
    return { state: "reading" };
  }

  function peek(file: HeaderFile): HeaderView {
    const header = known.get(headerKey(file))?.header;
    return header?.ok ? { state: "read", header: header.value } : { state: "reading" };
  }

  return { look, peek, reads: () => reads };
}
