import type { Platform } from "../host/platform.ts";
import type { KernelCap } from "../kernel-limit/kernel-limit.ts";
import type { ServerOptions } from "../llama-server/supported-flags.ts";
import type { Resources } from "../workload/prepare.ts";
import type { Desired } from "../workload/workload.ts";
import type { AdoptedServer } from "./adoption.ts";

export interface SupervisorOptions {
  readonly platform: Platform;
  /** What all workloads together may be charged with, in bytes. */
  readonly allocatableBytes: number;
  readonly llamaServer: string;
  readonly serverOptions: ServerOptions;
  readonly stateDirectory: string;
  readonly resources: Resources;
  /** What stands behind the watchdog; undefined: nothing here. */
  readonly cap: KernelCap | undefined;
  /** Servers that an agent before this one left running. */
  readonly inherited: readonly AdoptedServer[];
  /** Milliseconds that never go back. */
  readonly clock: () => number;
  /** Called when a tick is worth more than waiting for the next one. */
  readonly wake: () => void;
}

export type Wanted = ReadonlyMap<string, Desired>;
