import type { Platform } from "../host/platform.ts";
import type { KernelLimit } from "../kernel-limit/kernel-limit.ts";
import type { Background } from "../lifecycle/background.ts";
import type { SupportedFlags } from "../llama-server/supported-flags.ts";
import type { Desired } from "../workload/desired.ts";
import type { ModelAccess } from "../workload/prepare.ts";
import type { WorkloadId } from "../workload/workload-id.ts";
import type { LlamaProcess } from "./process.ts";
import type { Served, ServerRecord } from "./records.ts";

/** A server that an agent before this one left running. */
export interface AdoptedServer {
  readonly process: LlamaProcess;
  readonly record: ServerRecord;
  readonly served: Served;
}

export interface SupervisorOptions {
  readonly platform: Platform;
  /** What all workloads together may be charged with, in bytes. */
  readonly allocatableBytes: number;
  readonly llamaServer: string;
  readonly supportedFlags: SupportedFlags;
  readonly stateDirectory: string;
  readonly models: ModelAccess;
  /** What stands behind the watchdog; undefined: nothing here. */
  readonly kernelLimit: KernelLimit | undefined;
  /** Servers that an agent before this one left running. */
  readonly adopted: readonly AdoptedServer[];
  /** Milliseconds that never go back. */
  readonly clock: () => number;
  readonly background: Background;
  /** Called when a tick is worth more than waiting for the next one. */
  readonly wake: () => void;
}

/** What a tick is to bring about. */
export interface Wanted {
  readonly workloads: ReadonlyMap<WorkloadId, Desired>;
  /** Whether the source has seen all that it holds: while it has not, absence may be ignorance. */
  readonly synced: boolean;
}
