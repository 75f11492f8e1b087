import type { Holding } from "../claims/holding.ts";
import type { WorkloadId } from "../workload/workload-id.ts";
import { chargeBytes, type Entry } from "./entry.ts";

/**
 * What all entries together hold of the machine's memory.
 *
 * @param starting the workloads for which there is memory to start now
 */
export function claimedOf(entries: readonly Entry[], starting: ReadonlySet<WorkloadId>): Holding {
  const servers = entries.flatMap((entry) => {
    const { process, record } = entry.running ?? {};
    if (process?.pid === undefined) return [];
    return [{ pid: process.pid, startTime: record?.startTime, chargeBytes: chargeBytes(entry) }];
  });
  const pending = entries.filter((entry) => entry.running === undefined && (starting.has(entry.id) || isAsking(entry)));
  return { servers, pendingBytes: pending.reduce((sum, entry) => sum + chargeBytes(entry), 0) };
}

/** Whether llama-server is being asked how much memory it will reserve: it must still fit once it has answered. */
function isAsking({ projection }: Entry): boolean {
  return projection !== undefined && projection.bytes === undefined;
}
