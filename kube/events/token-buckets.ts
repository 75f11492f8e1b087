export interface TokenBuckets {
  /** Takes one token of a key; false where it has none left. */
  take(key: string, now: number): boolean;
}

/**
 * So many at once for each key, and one more each time that this time has passed.
 *
 * @param options `size` tokens at the start and at most; one more each `refillMs`; `most` keys are remembered, the oldest is forgotten first
 */
export function tokenBuckets(options: {
  readonly size: number;
  readonly refillMs: number;
  readonly most: number;
}): TokenBuckets {
  const { size, refillMs, most } = options;
  const buckets = new Map<string, { readonly tokens: number; readonly at: number }>();
  return {
    take: (key, now) => {
      const known = buckets.get(key) ?? { tokens: size, at: now };
      const tokens = Math.min(size, known.tokens + (now - known.at) / refillMs);
      buckets.delete(key);
      buckets.set(key, { tokens: tokens < 1 ? tokens : tokens - 1, at: now });
      const [oldest] = buckets.keys();
      if (buckets.size > most && oldest !== undefined) buckets.delete(oldest);
      return tokens >= 1;
    },
  };
}
