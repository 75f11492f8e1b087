import type { Budget } from "../../memory/budget.ts";
import type { Platform } from "../host/platform.ts";
import type { ServerFields } from "../llama-server/flags.ts";
import type { SupportedFlags } from "../llama-server/supported-flags.ts";
import type { ModelFiles } from "./model-files.ts";
import type { WorkloadId } from "./workload-id.ts";

/** What budgets and settings are resolved against. */
export interface HostFacts extends Pick<Platform, "backend" | "hostMemoryBytes" | "workingSetBytes"> {
  /** `--memory-fraction`. */
  readonly agentFraction?: number;
  /** `--api-key-file`. */
  readonly apiKeyFile?: string;
  /** Of the llama-server at hand. */
  readonly options: SupportedFlags;
}

/** An InferenceService with its Model, everything resolved. */
export interface Workload extends ModelFiles {
  readonly id: WorkloadId;
  /** `namespace/name` of the InferenceService. Several workloads may share it. */
  readonly name: string;
  readonly fields: ServerFields;
  readonly budget: Budget;
  /** A higher one goes first. From a directory: 0 for batch up to 4 for critical. */
  readonly priority: number;
  /** Never evicted for want of memory. */
  readonly evictionProtection: boolean;
  /** Whether it starts again by itself after it had to give way. A pod does not: its controller makes another one. */
  readonly returnsAfterEviction: boolean;
  /** Between SIGTERM and SIGKILL, in milliseconds. */
  readonly gracePeriodMs: number;
  /** Changes exactly when a running server no longer is what is wanted. The budget is not in it. */
  readonly specHash: string;
  readonly notes: readonly string[];
}

/** Between SIGTERM and SIGKILL, in milliseconds, where no source says otherwise. */
export const DEFAULT_GRACE_PERIOD_MS = 10_000;
