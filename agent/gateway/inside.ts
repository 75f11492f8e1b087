import type { WorkloadId } from "../workload/workload-id.ts";
import type { GatewayClock } from "./clock.ts";
import type { Ledger } from "./kept-body.ts";
import type { GatewayLimits } from "./limits.ts";
import type { Models } from "./models.ts";
import type { TokensSeen } from "./observer.ts";
import type { Pools } from "./pools.ts";
import type { Queue } from "./queue.ts";

/** What all requests share. */
export interface Inside {
  readonly models: Models;
  readonly limits: GatewayLimits;
  readonly clock: GatewayClock;
  readonly queue: Queue;
  readonly pools: Pools;
  readonly ledger: Ledger;
}

/** What is noted of one request while it lasts. Times are of the clock. */
export interface Notes {
  readonly begunAt: number;
  model: WorkloadId | undefined;
  /** Name of its key in the keys file. */
  key: string | undefined;
  endpoint: string;
  status: number;
  sentAt: number | undefined;
  firstByteAt: number | undefined;
  tokens: TokensSeen | undefined;
}
