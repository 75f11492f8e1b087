import { type Mismatch, mismatch } from "./demands.ts";
import { type Room, roomOf, type Shortage, shortage } from "./room.ts";
import type { Bound, Workload } from "./workload.ts";

/** Where the scheduler will probably put one replica. */
export type Foreseen =
  | { readonly kind: "placed"; readonly host: string; readonly displaces: readonly Bound[] }
  /** Why not, for each host by name. */
  | { readonly kind: "out"; readonly reasons: ReadonlyMap<string, Mismatch | Shortage> };

/**
 * One replica among rooms as they are: on the Mac with the weights before others, and then on the one with the most room; if there is
 * none with room, where the least must yield to it.
 */
export function foresee(rooms: ReadonlyMap<string, Room>, workload: Workload): Foreseen {
  const reasons = new Map<string, Mismatch | Shortage>();
  const suited: Room[] = [];
  let best: Room | undefined;
  for (const [name, room] of rooms) {
    const unfit = mismatch(workload.demands, room.host);
    if (unfit === undefined) suited.push(room);
    const reason = unfit ?? shortage(room, workload.needBytes, workload.port);
    if (reason !== undefined) reasons.set(name, reason);
    else if (best === undefined || isBetter(room, best, workload)) best = room;
  }
  if (best !== undefined) return { kind: "placed", host: best.host.name, displaces: [] };
  const yielding = suited.flatMap((room) => yieldingOf(room, workload) ?? []).sort(byHarm)[0];
  return yielding === undefined
    ? { kind: "out", reasons }
    : { kind: "placed", host: yielding.host, displaces: yielding.victims };
}

function isBetter(room: Room, best: Room, { weightsLabel }: Workload): boolean {
  const has = ({ host }: Room) => Number(weightsLabel !== undefined && Object.hasOwn(host.labels, weightsLabel));
  return has(room) - has(best) > 0 || (has(room) === has(best) && room.freeBytes > best.freeBytes);
}

interface Yielding {
  readonly host: string;
  /** Highest priority first. */
  readonly victims: readonly Bound[];
}

/** The fewest of a lower priority that must go for the replica; undefined: not even all of them suffice. */
function yieldingOf({ host, bound }: Room, { priority, needBytes, port }: Workload): Yielding | undefined {
  const kept = bound.filter((one) => one.priority >= priority);
  const lower = bound.filter((one) => one.priority < priority).sort(byPriority);
  if (lower.length === 0 || shortage(roomOf(host, kept), needBytes, port) !== undefined) return undefined;
  const victims: Bound[] = [];
  for (const one of lower) {
    if (shortage(roomOf(host, [...kept, one]), needBytes, port) === undefined) kept.push(one);
    else victims.push(one);
  }
  return { host: host.name, victims };
}

function byPriority(a: Bound, b: Bound): number {
  return b.priority - a.priority || (a.pod < b.pod ? -1 : 1);
}

/** As the scheduler chooses: the lowest highest priority among those that go, then the lowest sum, then the fewest. */
function byHarm(a: Yielding, b: Yielding): number {
  const highest = ({ victims }: Yielding) => victims[0]?.priority ?? Number.NEGATIVE_INFINITY;
  const sum = ({ victims }: Yielding) => victims.reduce((total, { priority }) => total + priority, 0);
  return (
    highest(a) - highest(b) || sum(a) - sum(b) || a.victims.length - b.victims.length || (a.host < b.host ? -1 : 1)
  );
}
