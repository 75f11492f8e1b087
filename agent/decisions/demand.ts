/** What the clients of the gateway ask of one model. All times are milliseconds of the injected clock. */
export interface Demand {
  /** Requests that wait for it. */
  readonly waiting: number;
  /** Since when the oldest of them waits; undefined while none does. */
  readonly waitingSince: number | undefined;
  /** Requests that its server works on. */
  readonly inFlight: number;
  /** When a request for it came, or ended, last; undefined if there was none since the agent began. */
  readonly lastUsedAt: number | undefined;
  /** When a request came last whose key does not let it be saved; absent if none did since the agent began. */
  readonly privateAt?: number;
}

export const NO_DEMAND: Demand = { waiting: 0, waitingSince: undefined, inFlight: 0, lastUsedAt: undefined };
