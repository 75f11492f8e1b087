import { errorText } from "../../api/error-code.ts";
import { type Failure, fail } from "../../api/result.ts";
import { nextTry } from "../../fetch/next-try.ts";

export interface Work<View> {
  /** What is worked on. Another key is other work. */
  readonly key: string;
  /** After a failure another value is a reason to try at once: of the token, or of who may read the file. */
  readonly stamp: string;
  /** After a failure that does not pass by itself a value that was not there yet is a reason to try again: the manifest's. */
  readonly revision: string;
  /** What is seen while it is worked on; `before`: what was seen until now. */
  readonly begun: (before: View | undefined) => View;
  readonly run: (show: (view: View) => void) => Promise<View>;
}

export interface AttemptsOptions<View> {
  readonly failureIn: (view: View) => Failure | undefined;
  readonly failed: (failure: Failure) => View;
  /** Called after each attempt. */
  readonly changed: () => void;
  /** Milliseconds that never go back. */
  readonly clock: () => number;
}

export interface Attempts<View> {
  /** How far the work is. Begins it where it never was begun, or where a failure is due to be tried again. */
  look(work: Work<View>): View;
  readonly forget: (key: string) => void;
}

interface Attempt<View> {
  readonly stamp: string;
  readonly revisions: Set<string>;
  view: View;
  failures: number;
  /** When a failure is tried again; undefined while it is worked on, and after a success. */
  retryAt: number | undefined;
  running: boolean;
  lookedAt: number;
}

/** A person who takes a manifest away for so long, and brings it back, gets another try of what failed for good. */
const FORGET_FAILURE_MS = 60_000;
/** A success may have been much work, and nobody looks while a machine sleeps. */
const FORGET_SUCCESS_MS = 24 * 3_600_000;

/** Work in the background, each once for all who look, and tried again when its failure says so (`nextTry`). */
export function attempts<View>({ failureIn, failed, changed, clock }: AttemptsOptions<View>): Attempts<View> {
  const known = new Map<string, Attempt<View>>();

  function settle(attempt: Attempt<View>, view: View): void {
    const failure = failureIn(view);
    attempt.view = view;
    attempt.running = false;
    attempt.failures = failure === undefined ? 0 : attempt.failures + 1;
    attempt.retryAt = failure && clock() + nextTry(failure, attempt.failures);
    changed();
  }

  function begin(
    { key, stamp, revision, begun, run }: Work<View>,
    before: Attempt<View> | undefined,
    now: number,
  ): View {
    for (const [other, attempt] of known) if (isForgotten(attempt, now)) known.delete(other);
    const attempt: Attempt<View> = {
      stamp,
      revisions: new Set(before?.revisions).add(revision),
      view: begun(before?.view),
      failures: before?.failures ?? 0,
      retryAt: undefined,
      running: true,
      lookedAt: now,
    };
    known.set(key, attempt);
    run((view) => {
      attempt.view = view;
    }).then(
      (view) => settle(attempt, view),
      (error: unknown) => settle(attempt, failed(fail(errorText(error), "internal"))),
    );
    return attempt.view;
  }

  return {
    look: (work) => {
      const now = clock();
      const attempt = known.get(work.key);
      if (attempt === undefined || isForgotten(attempt, now)) return begin(work, undefined, now);
      if (isDue(attempt, work, now)) return begin(work, attempt, now);
      attempt.lookedAt = now;
      attempt.revisions.add(work.revision);
      return attempt.view;
    },
    forget: (key) => known.delete(key),
  };
}

function isDue<View>({ retryAt, stamp, revisions }: Attempt<View>, work: Work<View>, now: number): boolean {
  if (retryAt === undefined) return false;
  const isFinal = retryAt === Number.POSITIVE_INFINITY;
  return now >= retryAt || stamp !== work.stamp || (isFinal && !revisions.has(work.revision));
}

/** What waits for its next try is not: taking the manifest away does not shorten a server's time. */
function isForgotten<View>({ running, lookedAt, retryAt }: Attempt<View>, now: number): boolean {
  if (running) return false;
  const unseenMs = now - lookedAt;
  if (retryAt === undefined) return unseenMs > FORGET_SUCCESS_MS;
  const waits = now < retryAt && Number.isFinite(retryAt);
  return !waits && unseenMs > FORGET_FAILURE_MS;
}
