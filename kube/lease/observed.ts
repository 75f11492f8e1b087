import type { KubeObject } from "../client.ts";
import { leaseSpecOf } from "./record.ts";

/** A Lease, and when it was first seen as it is now. */
export interface Observed {
  readonly lease: KubeObject;
  /** By this machine's own monotonic clock, in milliseconds: times in the Lease are of another machine's clock, and are not compared. */
  readonly since: number;
}

/** What is observed after the Lease was read again: it counts from now only if something in it changed. */
export function observe(before: Observed | undefined, lease: KubeObject, now: number): Observed {
  const same = before !== undefined && JSON.stringify(leaseSpecOf(before.lease)) === JSON.stringify(leaseSpecOf(lease));
  return { lease, since: same ? before.since : now };
}

/** Whether somebody else may take it: nobody holds it, or its holder has not renewed it for the whole duration while it was watched. */
export function mayTake({ lease, since }: Observed, identity: string, ownDurationMs: number, now: number): boolean {
  const { holderIdentity, leaseDurationSeconds } = leaseSpecOf(lease);
  if (!holderIdentity || holderIdentity === identity) return true;
  return now - since > Math.max(ownDurationMs, (leaseDurationSeconds ?? 0) * 1000);
}
