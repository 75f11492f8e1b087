import { cacheBytes } from "../../memory/prompt-cache.ts";
import type { BackOff } from "../decisions/back-off.ts";
import { type CacheChange, NO_CACHE, type StartedCache } from "../decisions/cache-change.ts";
import type { Decision } from "../decisions/decide.ts";
import type { Eviction } from "../decisions/eviction.ts";
import { type FootprintHistory, NO_SAMPLES } from "../decisions/footprint.ts";
import type { Projection } from "../decisions/projection.ts";
import type { Rest } from "../decisions/resting.ts";
import type { Exit, ExitReason } from "../llama-server/exit-reason.ts";
import type { Need, Preparation } from "../workload/prepare.ts";
import type { Workload } from "../workload/workload.ts";
import type { WorkloadId } from "../workload/workload-id.ts";
import type { LlamaProcess } from "./process.ts";
import type { Running } from "./running.ts";

/** What the supervisor holds about one workload. All times are milliseconds of the injected clock. */
export interface Entry {
  readonly id: WorkloadId;
  name: string;
  running?: Running | undefined;
  /** Memory samples of the running process. */
  footprint: FootprintHistory;
  /** Why it is not restarted yet; undefined if nothing failed. */
  backOff?: BackOff | undefined;
  /** Failures in a row. */
  failures: number;
  /** How its last process ended, and when. */
  lastExit?: (Exit & { readonly at: string } & Partial<ExitReason>) | undefined;
  /** Times of the budget breaches within the last hour. */
  breaches: readonly number[];
  /** Times at which its server was stopped because it failed, within the last 24 hours. */
  failedAt: readonly number[];
  /** Starts since this agent began, but for those after an unload; an adopted server counts as one. */
  starts: number;
  /** Times that a request made it load. */
  wakes: number;
  /** How long its last start took until it answered, in milliseconds; undefined before the first. */
  loadMs?: number | undefined;
  /** Whether it is in memory, behind a gateway; undefined without one. */
  rest?: Rest | undefined;
  /** Its last eviction. */
  eviction?: Eviction | undefined;
  /** When it began to wait for admission; undefined while it does not wait. */
  queuedAt?: number | undefined;
  /** Digest of the desired state. A change means that somebody has responded to the last failure, so the back-off ends. */
  wanted: string;
  /** The estimate; of an adopted server, the one that it was started with, until its header has been read again. */
  need?: Partial<Need> | undefined;
  projection?: Projection | undefined;
  /** The prompt cache that its next start would have; undefined while its need is not known. */
  nextCache?: StartedCache | undefined;
  /** Whether, and why, its server restarts for another prompt cache. */
  cacheChange?: CacheChange | undefined;
  /** Why the prompt cache that is asked for has no effect, as a sentence; undefined if it has one. */
  cacheNote?: string | undefined;
  /** The last look whether its server works on a request, where that decides about {@link cacheChange}. */
  cacheLook?: { readonly process: LlamaProcess; readonly at: number; readonly busy: boolean } | undefined;
  /** Whether such a look is under way. */
  asksSlots?: boolean;
  /** The last look at what a start needs, and its time in milliseconds of the injected clock; undefined while none was complete. */
  prepared?: { readonly workload: Workload; readonly preparation: Preparation; readonly at: number } | undefined;
  /** Why the files of its server that runs could not be read for another start, as a sentence; undefined if they could. */
  missing?: string | undefined;
  /** {@link wanted} when the stop began. If the desired state changed since, the stop does not count as a failure. */
  stoppedFor?: string | undefined;
  /** Whether it was stopped because its API keys changed, and is not Ready again. */
  changesKeys: boolean;
  /** Why its server still has the API keys of before, as a sentence; undefined if it has those of now. */
  keyNote?: string | undefined;
  /** Since when it takes no new requests before a stop; undefined: it does, or it only makes room for others. */
  drainsSince?: number | undefined;
  decision: Decision;
  fault?: Fault | undefined;
}

/** An error of the agent itself while it worked on one workload. */
export interface Fault {
  readonly step: "observe" | "prepare" | "act";
  readonly message: string;
}

export function newEntry(id: WorkloadId, name: string): Entry {
  return {
    id,
    name,
    footprint: NO_SAMPLES,
    failures: 0,
    breaches: [],
    failedAt: [],
    starts: 0,
    wakes: 0,
    changesKeys: false,
    wanted: "",
    decision: { act: "nothing", state: "Pending" },
  };
}

/** Bytes of the prompt cache, and of its checkpoints, that its server has, or would be started with. */
export function cacheBytesOf({ running, nextCache }: Entry): number {
  const cache = running === undefined ? nextCache : running.started.promptCache;
  return cacheBytes(cache ?? NO_CACHE);
}

/**
 * Bytes that count for this workload against the allocatable memory: the largest of estimate, projection and measured footprint. While its
 * server runs with other settings than those that are wanted now, the estimate of either counts.
 */
export function chargeBytes(entry: Entry): number {
  const { need, projection, footprint } = entry;
  return Math.max(
    need?.estimateBytes ?? 0,
    ownEstimateBytes(entry),
    (projection?.bytes ?? 0) + cacheBytesOf(entry),
    footprint.measuredBytes ?? 0,
  );
}

/** Of the settings that its server was started with, where others are wanted now; else 0. */
function ownEstimateBytes({ running }: Entry): number {
  if (running === undefined || running.specHash === running.inForce.specHash) return 0;
  return running.record.served?.estimateBytes ?? 0;
}

/** Whether it serves and has had no memory sample yet: one that was adopted may hold far more by now than it was started with. */
export function isUnmeasured({ running, footprint }: Entry): boolean {
  return running?.phase === "ready" && footprint.measuredBytes === undefined && !footprint.unknown;
}
