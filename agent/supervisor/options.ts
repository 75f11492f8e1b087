import type { Allocatable } from "../../memory/allocatable.ts";
import type { HeldBack } from "../boot/held-back.ts";
import type { Hold } from "../boot/hold.ts";
import type { HostClaims } from "../claims/host-claims.ts";
import type { Demand } from "../decisions/demand.ts";
import type { Platform } from "../host/platform.ts";
import type { KernelLimit } from "../kernel-limit/kernel-limit.ts";
import type { Background } from "../lifecycle/background.ts";
import type { SupportedFlags } from "../llama-server/supported-flags.ts";
import type { Watchdog } from "../watchdog/watchdog.ts";
import type { Desired } from "../workload/desired.ts";
import type { ModelAccess } from "../workload/prepare.ts";
import type { WorkloadId } from "../workload/workload-id.ts";
import type { LlamaProcess } from "./process.ts";
import type { Served, ServerRecord } from "./records.ts";
import type { SavedSlots } from "./saved-slots.ts";

/** A server that an earlier agent left running and that this agent has adopted. */
export interface AdoptedServer {
  readonly process: LlamaProcess;
  readonly record: ServerRecord;
  readonly served: Served;
}

/**
 * Servers of earlier agents of which it could not be told whether they still run, or that do not end. Their records are all that leads to
 * them, so nothing may be started, or asked, in their place.
 */
export interface Unclear {
  /** Why a workload must wait; undefined if nothing is unclear about it. */
  readonly holdOf: (id: WorkloadId) => Hold | undefined;
  /** The servers that were adopted since the last call. */
  readonly adopted: () => readonly AdoptedServer[];
}

export interface SupervisorOptions {
  readonly platform: Platform;
  /** What the charges of all workloads together may reach, in bytes. */
  readonly allocatable: Allocatable;
  /** What other agents of this machine hold. */
  readonly claims: Pick<HostClaims, "hold" | "covers" | "others" | "trouble" | "shareBytes">;
  readonly llamaServer: string;
  /** Of the llama-server that the next start would run. */
  readonly supportedFlags: () => SupportedFlags;
  /** Changes when its binary is replaced; undefined while that is not known. */
  readonly serverStamp?: () => string | undefined;
  readonly stateDirectory: string;
  readonly models: ModelAccess;
  /** The kernel's limit behind the watchdog; undefined where this system has none. */
  readonly kernelLimit: KernelLimit | undefined;
  /** Servers that an earlier agent left running. */
  readonly adopted: readonly AdoptedServer[];
  /** Those of which that is not known yet; default: none. */
  readonly unclear?: Unclear;
  /** Milliseconds that never go back, and stand still while the machine sleeps. */
  readonly clock: () => number;
  /** When the machine woke last, by that clock; undefined if it has not slept. By default it never sleeps. */
  readonly wokeAt?: () => number | undefined;
  readonly background: Background;
  /** What must not start by itself; default: nothing. */
  readonly heldBack?: HeldBack;
  /** What holds the processes to their budgets. */
  readonly watchdog: Pick<Watchdog, "hold" | "beat" | "sighting" | "hasTold" | "trouble">;
  /** What clients ask of a gateway in front of the models; undefined: there is none, and no model sleeps. */
  readonly gateway?: GatewayDemand | undefined;
  /** Keeps conversations while their model is unloaded; undefined: nothing does. */
  readonly savedSlots?: SavedSlots | undefined;
  /** Wakes the reconcile loop before its next tick is due. */
  readonly wake: () => void;
}

/** What the supervisor knows of a gateway. */
export interface GatewayDemand {
  readonly demandOf: (id: WorkloadId) => Demand;
  /** `--idle-unload`, for models that do not say it themselves, in milliseconds; undefined: they do not unload by themselves. */
  readonly idleUnloadMs: number | undefined;
}

/** The desired state of all workloads. */
export interface Wanted {
  readonly workloads: ReadonlyMap<WorkloadId, Desired>;
  /** Whether the source has been read completely. While it is false, a missing workload may still be wanted. */
  readonly synced: boolean;
  /** The agent ends, and with it all servers: nothing is wanted any more. */
  readonly ending?: boolean;
}
