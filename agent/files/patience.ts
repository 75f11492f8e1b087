/** The value, or for how many milliseconds the work has been under way. */
export type Waited<T> = { readonly done: true; readonly value: T } | { readonly done: false; readonly sinceMs: number };

/** Does work on a path, and waits for it for a while. As long as it goes on, nobody waits for it again, and it is not begun again. */
export type Patience<T> = (path: string, work: () => Promise<T>) => Promise<Waited<T>>;

export interface PatienceOptions {
  /** How long one piece of work is waited for, in milliseconds. */
  readonly waitMs: number;
  /** While so many hang nothing else is begun: each holds a thread of the pool. */
  readonly mostHanging: number;
  /** Milliseconds that never go back. */
  readonly clock: () => number;
  /** Called when work that was waited for in vain has ended. */
  readonly late: () => void;
}

interface UnderWay {
  readonly since: number;
  hangs: boolean;
}

/** @param work must not throw anything that the caller wants to know of a hanging one: its error goes to nobody */
export function patience<T>({ waitMs, mostHanging, clock, late }: PatienceOptions): Patience<T> {
  const underWay = new Map<string, UnderWay>();
  const hanging = () => [...underWay.values()].filter(({ hangs }) => hangs);

  return async (path, work) => {
    const now = clock();
    const before = underWay.get(path);
    if (before !== undefined) return { done: false, sinceMs: now - before.since };
    const others = hanging();
    if (others.length >= mostHanging)
      return { done: false, sinceMs: now - Math.min(...others.map(({ since }) => since)) };
    const mine: UnderWay = { since: now, hangs: false };
    underWay.set(path, mine);
    const result = work().finally(() => {
      underWay.delete(path);
      if (mine.hangs) late();
    });
    const waited = await withinTime(result, waitMs);
    if (waited === undefined) {
      mine.hangs = true;
      result.catch(() => {});
      return { done: false, sinceMs: clock() - now };
    }
    return { done: true, value: waited.value };
  };
}

async function withinTime<T>(work: Promise<T>, milliseconds: number): Promise<{ readonly value: T } | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), milliseconds);
  });
  try {
    return await Promise.race([work.then((value) => ({ value })), tooLate]);
  } finally {
    clearTimeout(timer);
  }
}
