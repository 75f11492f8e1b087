/** What a process has done until now, where that can be told. */
export interface Work {
  /** Processor time that it has used, in seconds; null: it cannot be read. */
  readonly cpuSeconds: number | null;
  /** Size of its log in bytes; null: it cannot be read. */
  readonly logBytes: number | null;
}

/** A process that uses less than this share of one core does nothing: a server at rest uses some thousandths. */
const IDLE_SHARE = 0.02;

/**
 * Whether a server that did not answer a health check is at work all the same. llama-server answers `/health` from the few threads that
 * also answer completions, so a busy one may be silent for minutes: it is hung only if it neither answers nor works.
 *
 * @param before at the check before this one, if it did not answer that one either; undefined: it did
 * @param elapsedMs between the two, in milliseconds
 */
export function isWorking(before: Work | undefined, now: Work, elapsedMs: number): boolean {
  if (before === undefined) return true;
  const used = difference(before.cpuSeconds, now.cpuSeconds);
  const written = difference(before.logBytes, now.logBytes);
  // What cannot be told proves nothing.
  if (used === undefined && written === undefined) return true;
  return (used !== undefined && used * 1000 > elapsedMs * IDLE_SHARE) || (written !== undefined && written !== 0);
}

/** Test requests in a row that a healthy server answered with an error. */
export interface Failing {
  /** When the first of them failed, in milliseconds of the injected clock. */
  readonly since: number;
  readonly tries: number;
  /** Every later request would fail like the last one. */
  readonly lasting?: true;
  readonly reason: string;
  readonly message: string;
}

/** So many failures, over so long, are no accident of the first moments. */
const FAILING_TRIES = 4;
const FAILING_MS = 3000;

/** The failures after one more of them. */
export function failedAgain(
  before: Failing | undefined,
  why: Pick<Failing, "reason" | "message" | "lasting">,
  now: number,
): Failing {
  return { since: before?.since ?? now, tries: (before?.tries ?? 0) + 1, ...why };
}

/** Whether waiting longer would be in vain. */
export function failsForGood({ since, tries, lasting }: Failing, now: number): boolean {
  return lasting === true || (tries >= FAILING_TRIES && now - since >= FAILING_MS);
}

/** One that has answered before has shown that it can: a second failure, some seconds after the first, is no accident. */
const READY_FAILING_TRIES = 2;

/** Whether a server that is Ready answers no request any more. */
export function answersNoMore({ since, tries }: Failing, now: number): boolean {
  return tries >= READY_FAILING_TRIES && now - since >= FAILING_MS;
}

/** Timers of a busy process are late, and clocks are read at other moments. */
const TIMER_SLACK_MS = 1000;

/**
 * Whether a server hangs that gave no answer to a test request: it was given all its time, and did nothing in it.
 *
 * @param elapsedMs since the request, in milliseconds of awake time
 * @param patienceMs that it was given
 */
export function hangs(before: Work, now: Work, elapsedMs: number, patienceMs: number): boolean {
  return elapsedMs >= patienceMs - TIMER_SLACK_MS && !isWorking(before, now, elapsedMs);
}

/** A fault so soon after a wake is one of the sleep, as far as a person can do something about it. */
const AFTER_WAKE_MS = 300_000;

/**
 * What a person is told of a GPU fault.
 *
 * @param wokeAt when the machine woke last; undefined if it has not slept
 */
export function gpuFaultMessage(
  { what, advice }: { readonly what: string; readonly advice: string },
  wokeAt: number | undefined,
  now: number,
): string {
  const slept = wokeAt !== undefined && now - wokeAt < AFTER_WAKE_MS;
  const sleep = slept ? " soon after the machine woke from sleep" : "";
  return `${what}${sleep}, and no request succeeds until a restart; if it happens again, ${advice}`;
}

const DAY_MS = 24 * 3_600_000;

/** Times of the failures within the last 24 hours, including the one at `now`. */
export function failuresOfDay(before: readonly number[], now: number): readonly number[] {
  return [...before.filter((at) => now - at < DAY_MS), now];
}

/** The message about a failure, with how often it failed. */
export function withCount(message: string, { length }: readonly number[]): string {
  return length < 2 ? message : `${message} (failure ${length} within 24 hours)`;
}

function difference(before: number | null, now: number | null): number | undefined {
  return before === null || now === null ? undefined : now - before;
}
