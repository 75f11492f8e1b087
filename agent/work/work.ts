import type { Logger } from "pino";
import type { GatewayMetrics } from "../http/gateway-metrics.ts";
import type { Runnable } from "../lifecycle/runnable.ts";
import type { Notices } from "../main/report.ts";
import type { AgentOptions, Host } from "../main/startup.ts";
import { openDirectory } from "../sources/directory/directory.ts";
import type { WorkSource } from "../sources/source.ts";
import type { StatusSink } from "../status/sink.ts";
import type { ModelAccess } from "../workload/prepare.ts";
import type { HostFacts } from "../workload/workload.ts";
import type { WorkloadId } from "../workload/workload-id.ts";

/** Where the work of an agent comes from, and who hears of it: all that its two modes do not share. */
export interface Work {
  readonly source: WorkSource;
  readonly sinks: readonly StatusSink[];
  readonly runnables: readonly Runnable[];
  readonly notices: readonly Notices[];
  /** What is watched, for the log: `/Users/me/models.d`. */
  readonly watched: string;
  /** What must happen before the agent ends with its servers, in bounded time. */
  readonly beforeEnd?: () => Promise<void>;
}

/** What the work needs of the agent. */
export interface WorkContext {
  readonly options: AgentOptions;
  readonly host: Host;
  /** As of now: another llama-server may support other options. */
  readonly facts: () => HostFacts;
  readonly running: () => ReadonlyMap<WorkloadId, number>;
  /** Whether a process runs for a workload, or may run, which cannot be told. */
  readonly mayRun: (id: WorkloadId) => boolean;
  readonly stored: ModelAccess["stored"];
  /** Version of the llama-server of this machine; undefined until it has said it. */
  readonly serverBuild: () => string | undefined;
  /** Wakes the reconcile loop. */
  readonly changed: () => void;
  /** Milliseconds that never go back, and stand still while the machine sleeps. */
  readonly clock: () => number;
  readonly log: Logger;
  /** Why this agent cannot be relied on, as a sentence; undefined while it can. */
  readonly trouble: () => string | undefined;
  /** Absent without a gateway. */
  readonly gatewayMetrics?: GatewayMetrics;
  /** Aborted when a person ends the agent with its servers. */
  readonly stop: AbortSignal;
  /** Somebody else has taken over: the agent ends and leaves its servers. Gets one sentence. */
  readonly lost: (sentence: string) => void;
}

export type OpenWork = (context: WorkContext) => Promise<Work>;

/** The options of an agent, and what opens the source of its work. */
export interface WorkingOptions extends AgentOptions {
  readonly openWork: OpenWork;
}

/** Local mode: a folder of manifests, by its absolute path. */
export function directoryWork(folder: string): OpenWork {
  return async ({ facts, running, changed, clock, options }) => {
    const gatewayPort = options.gateway?.listen.port;
    const source = await openDirectory({ folder, host: facts, running, gatewayPort, changed, clock });
    return { source, sinks: [], runnables: [], notices: [], watched: folder };
  };
}
