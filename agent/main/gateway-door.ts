import { setTimeout as sleep } from "node:timers/promises";
import { type DemandBook, demandBook } from "../gateway/demand.ts";
import type { KeyRing } from "../gateway/keys.ts";
import type { GatewayMetrics } from "../http/gateway-metrics.ts";
import { whenAborted } from "../lifecycle/aborted.ts";
import type { Background } from "../lifecycle/background.ts";
import { openFilesLimit } from "../lifecycle/open-files.ts";
import type { Runnable } from "../lifecycle/runnable.ts";
import type { GatewayDemand } from "../supervisor/options.ts";
import type { Supervisor } from "../supervisor/supervisor.ts";
import { agentModels } from "./gateway-models.ts";
import type { Notices } from "./report.ts";
import type { GatewayFlags } from "./startup.ts";

/** What there is of a gateway before it listens: the supervisor and the metrics need it first. */
export interface GatewayFront {
  readonly flags: GatewayFlags;
  readonly book: DemandBook;
  /** For the supervisor. */
  readonly demand: GatewayDemand;
  readonly keys: KeyRing | undefined;
  readonly metrics: GatewayMetrics;
}

/** The gateway of this agent, or nothing where there is none. */
export interface GatewayDoor {
  /** For clients; undefined where there is none, or while its port cannot be had. */
  readonly url: () => string | undefined;
  readonly notices: readonly Notices[];
  readonly runnables: readonly Runnable[];
  /** To be called after each tick. */
  readonly ticked: () => void;
}

export interface DoorOptions {
  readonly supervisor: Pick<Supervisor, "serving">;
  /** Whether the manifests have been read. */
  readonly isRead: () => boolean;
  /** Aborted when the servers are about to stop. */
  readonly ending: AbortSignal;
  readonly background: Background;
}

const NO_DOOR: GatewayDoor = { url: () => undefined, notices: [], runnables: [], ticked: () => {} };
/** Between two tries to have a port that somebody else has. */
const AGAIN_MS = 2000;
const MONOTONIC = () => performance.now();

/**
 * @param clock the clock of the supervisor
 * @param wake wakes the reconcile loop
 */
export async function openFront(
  flags: GatewayFlags | undefined,
  clock: () => number,
  wake: () => void,
): Promise<GatewayFront | undefined> {
  if (flags === undefined) return undefined;
  const [{ keysInFile }, { gatewayMetrics }] = await Promise.all([
    import("../gateway/keys.ts"),
    import("../http/gateway-metrics.ts"),
  ]);
  const book = demandBook(clock, wake);
  const keys = flags.keysFile === undefined ? undefined : keysInFile(flags.keysFile, MONOTONIC);
  await keys?.look();
  const metrics = gatewayMetrics(() => keys?.names() ?? new Set());
  return { flags, book, demand: { demandOf: book.demandOf, idleUnloadMs: flags.idleUnloadMs }, keys, metrics };
}

/** Opens it. An agent whose gateway cannot listen still holds its budgets, and says why in its status. */
export async function openDoor(
  front: GatewayFront | undefined,
  { supervisor, isRead, ending, background }: DoorOptions,
): Promise<GatewayDoor> {
  if (front === undefined) return NO_DOOR;
  const [{ openGateway }, { GATEWAY_LIMITS, gatewayConnectionsFor }, { gatewayClock }] = await Promise.all([
    import("../gateway/gateway.ts"),
    import("../gateway/limits.ts"),
    import("../gateway/clock.ts"),
  ]);
  const { flags, book, keys, metrics } = front;
  const models = agentModels(supervisor.serving, isRead, book);
  const limits = { ...GATEWAY_LIMITS, connections: gatewayConnectionsFor(openFilesLimit()) };
  const { observer } = metrics;
  const open = () =>
    openGateway({ ...{ listen: flags.listen, models, keys, observer, limits, clock: gatewayClock(), background } });
  let gateway = await open();
  const runnable: Runnable = {
    name: "the gateway",
    run: async (signal) => {
      // Models sleep until they are asked for, so there must be somebody whom to ask.
      while (!gateway.ok && !signal.aborted) {
        await sleep(AGAIN_MS, undefined, { signal }).catch(() => {});
        if (!signal.aborted) gateway = await open();
      }
      if (gateway.ok) await gateway.value.runnable.run(signal);
    },
  };
  const problems = () => [gateway.ok ? undefined : gateway.error, keys?.problem()].filter((one) => one !== undefined);
  return {
    url: () => (gateway.ok ? gateway.value.url : undefined),
    notices: [{ problems, notes: () => [] }],
    runnables: [endingEarly(runnable, ending), ...(keys === undefined ? [] : [keys.runnable])],
    ticked: models.ticked,
  };
}

/** It refuses what waits before the servers stop: nothing is wanted any more by then, and clients would be told that there is no such model. */
function endingEarly({ name, run }: Runnable, ending: AbortSignal): Runnable {
  return {
    name,
    run: async (signal) => {
      await run(AbortSignal.any([signal, ending]));
      await new Promise<void>((resolve) => whenAborted(signal, resolve));
    },
  };
}
