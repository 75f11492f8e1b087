/** What the samples of a process that starts have shown. All times are milliseconds of the injected clock. */
export interface Loading {
  readonly startedAt: number;
  readonly estimateBytes: number;
  /** The last sample; undefined before the first. */
  readonly measuredBytes: number | undefined;
  /** Since when its memory is flat, as {@link flatSince} tells; undefined while it grows. */
  readonly flatSince: number | undefined;
}

/** Memory counts as flat if it grows by no more than this from one sample to the next. */
const FLAT_SHARE = 0.01;
const FLAT_BYTES = 8 * 2 ** 20;

/** A process that holds this share of its estimate and is flat for two samples, a second apart, has loaded its weights. */
const LOADED_SHARE = 0.5;
const LOADED_MS = 1800;
/** One that is flat for so long loads nothing, whatever it holds: it hangs, or its estimate is far too high. */
const STALLED_MS = 5000;
/** After this, others no longer wait for it, even if it still grows. */
const PATIENCE_MS = 30_000;

/** Since when the memory of a process is flat, after a sample of `measuredBytes` at `now`; undefined after one that shows growth. */
export function flatSince(
  before: { readonly measuredBytes?: number; readonly sampledAt?: number; readonly flatSince?: number | undefined },
  measuredBytes: number,
  now: number,
): number | undefined {
  if (before.measuredBytes === undefined) return undefined;
  const grown = measuredBytes - before.measuredBytes;
  if (grown > before.measuredBytes * FLAT_SHARE + FLAT_BYTES) return undefined;
  return before.flatSince ?? before.sampledAt ?? now;
}

/**
 * Whether the next one may start beside a process that is not ready yet. Its memory is charged by its estimate all the while, so this
 * is not what keeps the sum within bounds: it keeps models from loading their weights all at once.
 */
export function isSettled(
  { startedAt, estimateBytes, measuredBytes = 0, flatSince: since }: Loading,
  now: number,
): boolean {
  if (now - startedAt >= PATIENCE_MS) return true;
  if (since === undefined) return false;
  const flatMs = now - since;
  return flatMs >= STALLED_MS || (flatMs >= LOADED_MS && measuredBytes >= estimateBytes * LOADED_SHARE);
}
