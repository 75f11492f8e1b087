import { type DemandBook, demandBook } from "../gateway/demand.ts";
import type { GatewayObserver } from "../gateway/observer.ts";
import type { Background } from "../lifecycle/background.ts";
import { openFilesLimit } from "../lifecycle/open-files.ts";
import type { Runnable } from "../lifecycle/runnable.ts";
import type { Supervisor } from "../supervisor/supervisor.ts";
import { agentModels } from "./gateway-models.ts";
import type { Notices } from "./report.ts";
import type { GatewayFlags } from "./startup.ts";

/** The gateway of this agent, or nothing where there is none. */
export interface GatewayDoor {
  /** For clients; undefined where there is none. */
  readonly url?: string;
  readonly notices: readonly Notices[];
  readonly runnables: readonly Runnable[];
  /** To be called after each tick. */
  readonly ticked: () => void;
}

export interface DoorOptions {
  readonly book: DemandBook;
  readonly supervisor: Pick<Supervisor, "serving">;
  /** Whether the manifests have been read. */
  readonly isRead: () => boolean;
  readonly observer: GatewayObserver;
  readonly background: Background;
}

const NO_DOOR: GatewayDoor = { notices: [], runnables: [], ticked: () => {} };

/** Opens it. An agent whose gateway cannot listen still holds its budgets, and says why in its status. */
export async function openDoor(flags: GatewayFlags | undefined, options: DoorOptions): Promise<GatewayDoor> {
  if (flags === undefined) return NO_DOOR;
  const [{ openGateway }, { keysInFile }, { GATEWAY_LIMITS, gatewayConnectionsFor }, { gatewayClock }] =
    await Promise.all([
      import("../gateway/gateway.ts"),
      import("../gateway/keys.ts"),
      import("../gateway/limits.ts"),
      import("../gateway/clock.ts"),
    ]);
  const { book, supervisor, isRead, observer, background } = options;
  const keys = flags.keysFile === undefined ? undefined : keysInFile(flags.keysFile, gatewayClock.now);
  await keys?.look();
  const models = agentModels(supervisor.serving, isRead, book);
  const limits = { ...GATEWAY_LIMITS, connections: gatewayConnectionsFor(openFilesLimit()) };
  const gateway = await openGateway({
    ...{ listen: flags.listen, models, keys, observer, limits, clock: gatewayClock, background },
  });
  const problems = () => [gateway.ok ? undefined : gateway.error, keys?.problem()].filter((one) => one !== undefined);
  const notices: readonly Notices[] = [{ problems, notes: () => [] }];
  const looking = keys === undefined ? [] : [keys.runnable];
  if (!gateway.ok) return { ...NO_DOOR, notices, runnables: looking };
  const { url, runnable } = gateway.value;
  return { url, notices, runnables: [runnable, ...looking], ticked: models.ticked };
}

/** What clients ask for, from before the first decision on; undefined without a gateway. */
export function openBook(
  flags: GatewayFlags | undefined,
  clock: () => number,
  wake: () => void,
): DemandBook | undefined {
  return flags === undefined ? undefined : demandBook(clock, wake);
}
