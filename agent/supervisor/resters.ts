import type { Rester } from "../decisions/resting.ts";
import type { Workload } from "../workload/workload.ts";
import { chargeBytes, type Entry } from "./entry.ts";
import type { GatewayDemand } from "./options.ts";

interface Situation {
  readonly workload: Workload;
  readonly obstructed: boolean;
  /** Whether llama-server is asked at the moment what it will reserve. */
  readonly asking: boolean;
  readonly gateway: GatewayDemand;
  readonly now: number;
}

/** A workload that should run, as the plan sees it. A pod never sleeps: the scheduler has given it its memory. */
export function resterOf(entry: Entry, { workload, obstructed, asking, gateway, now }: Situation): Rester {
  const { id, name, need } = entry;
  const { priority, evictionProtection, returnsAfterEviction, onDemand } = workload;
  return {
    ...{ id, name, priority },
    pinned: evictionProtection || !returnsAfterEviction,
    idleUnloadMs: onDemand.idleUnloadMs ?? gateway.idleUnloadMs,
    chargeBytes: need?.estimateBytes === undefined ? undefined : chargeBytes(entry),
    demand: gateway.demandOf(id),
    server: serverOf(entry, asking, now),
    // Whoever asks llama-server what it will reserve is about to start.
    obstructed: obstructed && !asking,
  };
}

function serverOf({ running, queuedAt }: Entry, asking: boolean, now: number): Rester["server"] {
  if (running === undefined) return asking ? { phase: "starting", since: queuedAt ?? now } : undefined;
  const since = running.phase === "ready" ? running.readyAt : running.startedAt;
  return { phase: running.phase, since };
}
