import { type Desired, digestOfDesired } from "../workload/desired.ts";
import type { WorkloadId } from "../workload/workload-id.ts";
import type { HeldFile } from "./held-file.ts";

/**
 * Whether somebody has responded to what holds a model back: its settings or its budget are others than when it ran, or nothing asks for
 * it any more. A manifest that cannot be read is no response, and neither is one that is missing while not all could be read. Pure.
 */
export function isAnswered(
  held: Pick<HeldFile, "id" | "wanted"> | undefined,
  workloads: ReadonlyMap<WorkloadId, Desired>,
  synced: boolean,
): boolean {
  if (held === undefined) return false;
  const desired = workloads.get(held.id);
  switch (desired?.kind) {
    case undefined:
      return synced;
    case "run":
      return digestOfDesired(desired) !== held.wanted;
    case "stopped":
      return true;
    case "unknown":
    case "refused":
      return false;
  }
}
