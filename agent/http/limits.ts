/** What clients of the agent's window may take. Times are milliseconds. */
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

/** Twice what may listen to events, so that they leave room for a scrape of the metrics. */
export const HTTP_LIMITS: HttpLimits = {
  connections: 64,
  headersMs: 5000,
  requestMs: 10_000,
  keepAliveMs: 5000,
  silenceMs: 30_000,
};
