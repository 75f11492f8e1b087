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

/** Test requests in a row that a healthy server answered with an error, while it starts. */
export interface Failing {
  /** When the first of them failed, in milliseconds of the injected clock. */
  readonly since: number;
  readonly tries: number;
  readonly reason: string;
  readonly message: string;
}

/** So many failures, over so long, are no accident of the first moments. */
const FAILING_TRIES = 4;
const FAILING_MS = 3000;

/** The failures after one more of them. */
export function failedAgain(
  before: Failing | undefined,
  { reason, message }: { readonly reason: string; readonly message: string },
  now: number,
): Failing {
  return { since: before?.since ?? now, tries: (before?.tries ?? 0) + 1, reason, message };
}

/** Whether waiting longer would be in vain. */
export function failsForGood({ since, tries }: Failing, now: number): boolean {
  return tries >= FAILING_TRIES && now - since >= FAILING_MS;
}

function difference(before: number | null, now: number | null): number | undefined {
  return before === null || now === null ? undefined : now - before;
}
