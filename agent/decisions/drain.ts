/** What a server works on for clients of a gateway, where a stop may wait for it. Times are milliseconds of the injected clock. */
export interface InFlight {
  readonly requests: number;
  /** Since when it takes no new ones; undefined: it does. */
  readonly drainsSince: number | undefined;
}

/**
 * Before a restart, that its requests end first. Whoever asks meanwhile waits for the server that comes after it: half of the ten minutes
 * that a client waits at most.
 */
export const RESTART_DRAIN_MS = 300_000;

/** Before a server goes for good. */
export const REMOVAL_DRAIN_MS = 10_000;

/** For its own end a server has this long at least where its grace period allows it: a kubelet gives a pod the same after its hooks. */
const LEAST_GRACE_MS = 2000;

/** Milliseconds between SIGTERM and SIGKILL, after `usedMs` of the grace period. */
export function graceLeftMs(gracePeriodMs: number, usedMs: number): number {
  return Math.min(gracePeriodMs, Math.max(LEAST_GRACE_MS, gracePeriodMs - usedMs));
}

/** A clause on what a stop waits for, and for how long at most; undefined: it waits for nothing. */
export function drainClause(inFlight: InFlight | undefined, longestMs: number, now: number): string | undefined {
  if (inFlight === undefined || inFlight.requests === 0) return undefined;
  const { requests, drainsSince = now } = inFlight;
  if (now - drainsSince >= longestMs) return undefined;
  return `it waits for ${requestsText(requests)} in flight, ${Math.ceil(longestMs / 1000)} s at most`;
}

/** `one request`, `3 requests`. */
export function requestsText(requests: number): string {
  return requests === 1 ? "one request" : `${requests} requests`;
}
