/** Numbers of the model store. */
export interface StoreLimits {
  /** Bytes that a download leaves free on the disk. */
  readonly floorBytes: number;
  /** What one request asks for; a larger file comes over several connections where the server serves ranges. */
  readonly chunkBytes: number;
  /** Tries in a row that bring nothing before a download fails. */
  readonly retries: number;
  /** Before the first of these tries, in milliseconds; doubled for each. */
  readonly backOffMs: number;
  /** Without a sign of life for this long, in milliseconds, a lock is a dead agent's; at least 2000. */
  readonly lockStaleMs: number;
  /** How often what has come is made safe on the disk, in milliseconds. */
  readonly checkpointMs: number;
}

export const DEFAULT_LIMITS: StoreLimits = {
  floorBytes: 2 ** 30,
  chunkBytes: 64 * 2 ** 20,
  retries: 6,
  backOffMs: 500,
  lockStaleMs: 15_000,
  checkpointMs: 1000,
};
