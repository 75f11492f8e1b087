import type { OnDemand } from "../../api/on-demand.ts";
import type { Budget } from "../../memory/budget.ts";
import type { Backend } from "../../memory/estimate/types.ts";
import type { ServerFields } from "../llama-server/flags.ts";
import type { SupportedFlags } from "../llama-server/supported-flags.ts";
import type { ModelFiles } from "./model-files.ts";
import type { WorkloadId } from "./workload-id.ts";

/** The facts about this host that budgets and settings depend on. */
export interface HostFacts {
  readonly backend: Backend;
  /** Memory that is counted on, in bytes. */
  readonly hostMemoryBytes: number;
  /** Recommended working set of Metal, in bytes; undefined without Metal. */
  readonly workingSetBytes?: number;
  /** By which llama-server names the GPU; undefined without one. */
  readonly deviceName?: string;
  /** `--memory-fraction`. */
  readonly agentFraction?: number;
  /** `--api-key-file`. */
  readonly apiKeyFile?: string;
  /** Options that the llama-server of this host supports. */
  readonly options: SupportedFlags;
}

/** An InferenceService and its Model, with all settings resolved for this host. */
export interface Workload extends ModelFiles {
  readonly id: WorkloadId;
  /** `namespace/name` of the InferenceService. Several workloads may share it. */
  readonly name: string;
  readonly fields: ServerFields;
  readonly budget: Budget;
  /** The highest starts first and is evicted last. From a directory: 0 (batch) to 4 (critical). */
  readonly priority: number;
  /** Never evicted under memory pressure. */
  readonly evictionProtection: boolean;
  /** Whether it restarts by itself after an eviction. A pod does not: its controller creates a replacement. */
  readonly returnsAfterEviction: boolean;
  /** Milliseconds between SIGTERM and SIGKILL. */
  readonly gracePeriodMs: number;
  /** What its annotations say about the gateway. Those of a server that runs apply without a restart. */
  readonly onDemand: OnDemand;
  /** Changes exactly when a running server must restart. The budget is not part of it: it applies without a restart (LLMKube trap T19). */
  readonly specHash: string;
  readonly notes: readonly string[];
}

/** Milliseconds between SIGTERM and SIGKILL, unless the source decides otherwise. */
export const DEFAULT_GRACE_PERIOD_MS = 10_000;
