import type { SlotCounts } from "../status/status.ts";
import type { WorkloadId } from "../workload/workload-id.ts";
import type { Discard } from "./slot-work.ts";

export function nothingCounted(): SlotCounts {
  const discarded = { OtherSettings: 0, Damaged: 0, Mismatch: 0, Refused: 0, Lost: 0 };
  return {
    ...{ saves: 0, restores: 0, restoredTokens: 0 },
    discarded: { ...discarded, SaveFailed: 0, TooLarge: 0, DiskFull: 0, Private: 0 },
  };
}

/** By workload, since the agent began. */
export function countsById() {
  const all = new Map<WorkloadId, SlotCounts>();
  const of = (id: WorkloadId) => all.get(id) ?? nothingCounted();
  return {
    of,
    count: (id: WorkloadId, why: Discard) => {
      const counts = of(id);
      all.set(id, { ...counts, discarded: { ...counts.discarded, [why]: counts.discarded[why] + 1 } });
    },
    tally: (id: WorkloadId, what: "saves" | "restores" | "restoredTokens", by: number) => {
      const counts = of(id);
      all.set(id, { ...counts, [what]: counts[what] + by });
    },
  };
}
