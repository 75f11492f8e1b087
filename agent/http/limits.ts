/** What clients of the status page and metrics may take. Times are milliseconds. */
export interface HttpLimits {
  /** Connections at a time; one more is closed at once. Each takes a file descriptor of the agent's. */
  readonly connections: number;
  /** For the head of a request, and for all of it. */
  readonly headersMs: number;
  readonly requestMs: number;
  /** Between two requests on one connection. */
  readonly keepAliveMs: number;
  /** Without a byte to or from a client, in the middle of an answer too. */
  readonly silenceMs: number;
}

/** Browsers keep six each, and nobody needs more than a few. */
const MOST_CONNECTIONS = 64;
/** Of the files that the process may have open, the rest is for its own work. */
const SHARE_OF_FILES = 1 / 4;

/** @param openFiles that this process may have; undefined: no limit */
export function connectionsFor(openFiles: number | undefined): number {
  return Math.max(2, Math.min(MOST_CONNECTIONS, Math.floor((openFiles ?? Number.POSITIVE_INFINITY) * SHARE_OF_FILES)));
}

export const HTTP_LIMITS: HttpLimits = {
  connections: MOST_CONNECTIONS,
  headersMs: 5000,
  requestMs: 10_000,
  keepAliveMs: 5000,
  silenceMs: 30_000,
};
