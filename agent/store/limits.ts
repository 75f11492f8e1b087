/** Limits and intervals of the model store. */
export interface StoreLimits {
  /** Bytes that a download leaves free on the disk. Default: 1 GiB. */
  readonly floorBytes: number;
  /** Largest byte range of one request. A larger file comes over several connections if the server supports ranges. Default: 64 MiB. */
  readonly chunkBytes: number;
  /** A download fails after this many tries in a row without any bytes. */
  readonly retries: number;
  /** Wait before the first retry, in milliseconds; it doubles for each further one. */
  readonly backOffMs: number;
  /** A lock that was not refreshed for this long, in milliseconds, belongs to a dead agent. At least 2000. */
  readonly lockStaleMs: number;
  /** Time between two checkpoints, which make the downloaded bytes survive a crash, in milliseconds. */
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
