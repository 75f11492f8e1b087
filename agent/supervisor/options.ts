import type { Background } from "../background.ts";
import type { Platform } from "../host/platform.ts";
import type { KernelLimit } from "../kernel-limit/kernel-limit.ts";
import type { SupportedFlags } from "../llama-server/supported-flags.ts";
import type { Desired } from "../workload/desired.ts";
import type { ModelAccess } from "../workload/prepare.ts";
import type { AdoptedServer } from "./adoption.ts";

export interface SupervisorOptions {
  readonly platform: Platform;
  /** What all workloads together may be charged with, in bytes. */
  readonly allocatableBytes: number;
  readonly llamaServer: string;
  readonly supportedFlags: SupportedFlags;
  readonly stateDirectory: string;
  readonly resources: ModelAccess;
  /** What stands behind the watchdog; undefined: nothing here. */
  readonly cap: KernelLimit | undefined;
  /** Servers that an agent before this one left running. */
  readonly adopted: readonly AdoptedServer[];
  /** Milliseconds that never go back. */
  readonly clock: () => number;
  readonly background: Background;
  /** Called when a tick is worth more than waiting for the next one. */
  readonly wake: () => void;
}

export type Wanted = ReadonlyMap<string, Desired>;
