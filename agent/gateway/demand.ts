import { type Demand, NO_DEMAND } from "../decisions/demand.ts";
import type { WorkloadId } from "../workload/workload-id.ts";
import type { Hold } from "./models.ts";

/** Counts the requests of each model, from both sides: the gateway takes holds, the supervisor reads them. */
export interface DemandBook {
  readonly demandOf: (id: WorkloadId) => Demand;
  readonly wait: (id: WorkloadId) => Hold;
  readonly use: (id: WorkloadId) => Hold;
  /** What its server has read from now on is not to be saved. */
  readonly keepPrivate: (id: WorkloadId) => void;
  /** Forgets the models that are not wanted any more, and have no requests. */
  readonly keepOnly: (ids: ReadonlySet<WorkloadId>) => void;
}

interface Counted {
  /** When each request that waits began to; the oldest first. */
  readonly waiting: Map<symbol, number>;
  inFlight: number;
  lastUsedAt: number | undefined;
  privateAt: number | undefined;
}

/**
 * @param clock milliseconds of the supervisor's clock
 * @param asked called when a request begins to wait, and when one ends
 */
export function demandBook(clock: () => number, asked: () => void): DemandBook {
  const book = new Map<WorkloadId, Counted>();
  const counted = (id: WorkloadId): Counted => {
    const one = book.get(id) ?? { waiting: new Map(), inFlight: 0, lastUsedAt: undefined, privateAt: undefined };
    book.set(id, one);
    return one;
  };
  return {
    demandOf: (id) => {
      const one = book.get(id);
      return one === undefined ? NO_DEMAND : shown(one);
    },
    wait: (id) => {
      const one = counted(id);
      const request = Symbol("request");
      one.waiting.set(request, clock());
      one.lastUsedAt = clock();
      asked();
      return once(() => {
        one.waiting.delete(request);
      });
    },
    use: (id) => {
      const one = counted(id);
      one.inFlight += 1;
      one.lastUsedAt = clock();
      return once(() => {
        one.inFlight -= 1;
        one.lastUsedAt = clock();
        // Somebody may wait for the memory of this one.
        if (one.inFlight === 0) asked();
      });
    },
    keepPrivate: (id) => {
      counted(id).privateAt = clock();
    },
    keepOnly: (ids) => {
      for (const [id, { waiting, inFlight }] of book) {
        if (!ids.has(id) && waiting.size === 0 && inFlight === 0) book.delete(id);
      }
    },
  };
}

function shown({ waiting, inFlight, lastUsedAt, privateAt }: Counted): Demand {
  const [waitingSince] = waiting.values();
  return { waiting: waiting.size, waitingSince, inFlight, lastUsedAt, ...(privateAt !== undefined && { privateAt }) };
}

function once(end: () => void): Hold {
  let ended = false;
  return {
    release: () => {
      if (ended) return;
      ended = true;
      end();
    },
  };
}
