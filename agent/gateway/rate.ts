/**
 * Tokens that a key may still use: a bucket that fills evenly up to one minute's worth. What a request takes is known only at its end,
 * so it is let in while there is anything left, and may leave a debt that later requests wait for.
 */
export interface Bucket {
  /** Tokens at `at`; below 0: a debt. */
  readonly level: number;
  /** Milliseconds of a clock that never goes back. */
  readonly at: number;
}

const MINUTE_MS = 60_000;
/** No context holds more. A server that says so must not lock a key for ever. */
const MOST_TOKENS = 10_000_000;

export function fullBucket(perMinute: number, now: number): Bucket {
  return { level: perMinute, at: now };
}

/** The bucket at `now`. With another rate than before it keeps what is in it, as far as that fits. */
export function filled({ level, at }: Bucket, perMinute: number, now: number): Bucket {
  return { level: Math.min(perMinute, level + (Math.max(0, now - at) * perMinute) / MINUTE_MS), at: Math.max(at, now) };
}

/** The bucket after a request that took `tokens`. */
export function taken(bucket: Bucket, perMinute: number, tokens: number, now: number): Bucket {
  const { level, at } = filled(bucket, perMinute, now);
  return { level: level - Math.min(Math.max(0, tokens), MOST_TOKENS), at };
}

/** Milliseconds until a request is let in; 0: now. */
export function waitMs(bucket: Bucket, perMinute: number, now: number): number {
  const { level } = filled(bucket, perMinute, now);
  return level > 0 ? 0 : Math.floor((-level * MINUTE_MS) / perMinute) + 1;
}
