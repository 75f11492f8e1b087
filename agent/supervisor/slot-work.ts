import type { Restored } from "../decisions/saved-slots.ts";
import type { Expected } from "../llama-server/probe.ts";
import type { SlotCounts } from "../status/status.ts";
import type { WorkloadId } from "../workload/workload-id.ts";

/** Why a conversation was not saved, or what was saved is not used. */
export type Discard = keyof SlotCounts["discarded"];

/** How a server that can save its conversations was started. */
export interface StartedSlots {
  /** For `--slot-save-path`. */
  readonly folder: string;
  /** Of all that its caches depend on. */
  readonly digest: string;
}

export interface SlotServer {
  readonly id: WorkloadId;
  readonly expected: Expected;
  readonly slots: StartedSlots;
  /** What it was given when it became Ready. */
  readonly restored?: Restored | undefined;
}

/** What one save or restore works with. */
export interface SlotWork {
  readonly server: SlotServer;
  readonly count: (why: Discard) => void;
  readonly tally: (what: "saves" | "restores" | "restoredTokens", by: number) => void;
  /** Milliseconds that are left, at least 1. */
  readonly left: () => number;
  /** Whether nobody waits any more. */
  readonly isLate: () => boolean;
}
