/** What clients of the gateway may take. Times are milliseconds, sizes bytes. */
export interface GatewayLimits {
  /** Connections at a time; one more is closed at once. Each takes a file descriptor, and one more while a server answers it. */
  readonly connections: number;
  /** For the head of a request. */
  readonly headersMs: number;
  /** Between two requests on one connection. */
  readonly keepAliveMs: number;
  /** While the gateway reads a body, within this time at least a KiB of it must come. */
  readonly bodyIdleMs: number;
  /** Of one request's body, all together. */
  readonly bodyBytes: number;
  /** Of one request's body, in memory: so far must `model` have come. */
  readonly prefixBytes: number;
  /** Of the bodies of all requests, in memory. */
  readonly totalPrefixBytes: number;
  /** Of one request's body, before it goes to a server: what is no longer than this is read whole, so that it can be sent twice, and a client that goes away while it waits is noticed. */
  readonly readAheadBytes: number;
  /** How long a request waits for its model unless `X-Request-Timeout` says another time. */
  readonly waitMs: number;
  /** The longest time that `X-Request-Timeout` may ask for. */
  readonly longestWaitMs: number;
  /** Requests that may wait for one model. */
  readonly queue: number;
  /** When a stream that waits gets its first comment line. */
  readonly commentAfterMs: number;
  /** Between two comment lines; 0: none are sent, and the status is told when the model answers. */
  readonly commentEveryMs: number;
  /** How long a client may take nothing of an answer. */
  readonly stalledMs: number;
  /** How long a server may say nothing, before and within an answer. */
  readonly silentServerMs: number;
  /** How long after a request went to a server its body is kept for another try: one that loads still, says so at once. */
  readonly repeatMs: number;
  /** Before a server that says that it loads is asked again. */
  readonly askAgainMs: number;
  /** How long answers under way may last when the agent ends. */
  readonly endingMs: number;
}

const MIB = 2 ** 20;
const MOST_CONNECTIONS = 2048;
/** Of the files that the process may have open: two a connection, and the rest is for its own work. */
const SHARE_OF_FILES = 1 / 4;

/** @param openFiles that this process may have; undefined: no limit */
export function gatewayConnectionsFor(openFiles: number | undefined): number {
  return Math.max(8, Math.min(MOST_CONNECTIONS, Math.floor((openFiles ?? Number.POSITIVE_INFINITY) * SHARE_OF_FILES)));
}

export const GATEWAY_LIMITS: GatewayLimits = {
  connections: MOST_CONNECTIONS,
  headersMs: 10_000,
  // Longer than load balancers and clients keep theirs, so that it is not the gateway that closes under a request.
  keepAliveMs: 75_000,
  bodyIdleMs: 30_000,
  bodyBytes: 512 * MIB,
  prefixBytes: 64 * MIB,
  totalPrefixBytes: 256 * MIB,
  readAheadBytes: 16 * MIB,
  waitMs: 600_000,
  longestWaitMs: 3_600_000,
  queue: 256,
  commentAfterMs: 1000,
  commentEveryMs: 10_000,
  stalledMs: 600_000,
  silentServerMs: 3_600_000,
  repeatMs: 5000,
  askAgainMs: 500,
  endingMs: 3000,
};
