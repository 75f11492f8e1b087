import { networkInterfaces } from "node:os";
import { formatBytes } from "../../api/quantity.ts";
import type { AgentStatus } from "../status/status.ts";
import { DEFAULT_LIMITS } from "../store/limits.ts";
import { type Interfaces, nextAddress } from "./addresses.ts";
import {
  type Condition,
  type DiskSpace,
  diskCondition,
  isShortOfDisk,
  isShortOfMemory,
  memoryCondition,
  NO_PID_PRESSURE,
  pressureSeen,
  readyCondition,
  type SeenAt,
} from "./conditions.ts";
import { diskReader } from "./disk.ts";
import { LEASE_SECONDS } from "./holder.ts";
import { routedAddresses } from "./routed.ts";

export interface SurroundingsOptions {
  readonly modelsFolder: string;
  /** The `--node-ip`, which was checked; undefined: it is chosen, and follows the network. */
  readonly nodeIp: string | undefined;
  /** Why the agent cannot be relied on; undefined while its own checks are clean. */
  readonly trouble: () => string | undefined;
  readonly ending: () => boolean;
  /** Milliseconds that never go back. */
  readonly clock: () => number;
  readonly readInterfaces?: () => Interfaces;
}

/** What of the machine and the agent changes while it runs. */
export interface Surroundings {
  /** Looks at network and disk, each as often as it makes sense. */
  readonly look: () => Promise<void>;
  /** Takes note of what the agent says of itself. */
  readonly heard: (agent: AgentStatus["agent"]) => void;
  readonly address: () => string | undefined;
  readonly disk: () => DiskSpace | undefined;
  readonly conditions: () => readonly Condition[];
}

const DISK_MS = 60_000;
/** A trouble is told when the Lease has run out because of it: a loop that stood still for a while takes no model away. */
const TROUBLE_MS = LEASE_SECONDS * 1000;

export function openSurroundings(options: SurroundingsOptions): Surroundings {
  const { modelsFolder, nodeIp, trouble, ending, clock, readInterfaces = networkInterfaces } = options;
  const readDisk = diskReader(modelsFolder, clock);
  const floor = formatBytes(DEFAULT_LIMITS.floorBytes);
  let disk: DiskSpace | undefined;
  let diskLookedAt = Number.NEGATIVE_INFINITY;
  let address = nodeIp;
  let interfacesSeen = "";
  let agent: Pick<AgentStatus["agent"], "pressure" | "problems"> = { problems: [] };
  let memoryShortAt: SeenAt;
  let diskShortAt: SeenAt;
  let troubledSince: number | undefined;

  const lookAtNetwork = async () => {
    if (nodeIp !== undefined) return;
    const interfaces = readInterfaces();
    const seen = JSON.stringify(interfaces);
    if (seen === interfacesSeen) return;
    interfacesSeen = seen;
    address = nextAddress(address, interfaces, await routedAddresses());
  };
  const lookAtDisk = async () => {
    if (clock() - diskLookedAt < DISK_MS) return;
    diskLookedAt = clock();
    const space = await readDisk();
    disk = space ?? disk;
    diskShortAt = pressureSeen(diskShortAt, isShortOfDisk(space, DEFAULT_LIMITS.floorBytes), clock());
  };
  /** The trouble that has lasted for long enough. */
  const lasting = (): string | undefined => {
    const now = trouble();
    troubledSince = now === undefined ? undefined : (troubledSince ?? clock());
    return troubledSince !== undefined && clock() - troubledSince >= TROUBLE_MS ? now : undefined;
  };
  return {
    look: async () => {
      await Promise.all([lookAtNetwork(), lookAtDisk()]);
    },
    heard: (news) => {
      agent = news;
      memoryShortAt = pressureSeen(memoryShortAt, isShortOfMemory(news.pressure), clock());
    },
    address: () => address,
    disk: () => disk,
    conditions: () => [
      readyCondition({ trouble: lasting(), ending: ending(), problems: agent.problems }),
      memoryCondition(memoryShortAt),
      diskCondition(diskShortAt, modelsFolder, floor),
      NO_PID_PRESSURE,
    ],
  };
}
