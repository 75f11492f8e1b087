import { type Demands, mismatch } from "./demands.ts";
import type { Host } from "./host.ts";
import { roomOf } from "./room.ts";
import type { Bound, Waiting } from "./workload.ts";

/** Replicas that may come before those of a workload. */
interface Rival {
  /** Undefined for one that runs now, and may have to go elsewhere. */
  readonly waiting: Waiting | undefined;
  readonly priority: number;
  readonly bytes: number;
  readonly ports: readonly number[];
  readonly replicas: number;
  /** By index of the host: 1 where a replica can be at all. */
  readonly places: Uint8Array;
}

/** A host that a workload could run on, and what it takes to keep it out. */
interface Open {
  /** Bytes that others must take. */
  readonly bytesToBlock: number;
  /** Pods that others must put there. */
  readonly podsToBlock: number;
  /** Those who can go there do not suffice to block it. */
  readonly isSafe: boolean;
}

/**
 * For each waiting workload, how many of its replicas get a place wherever the scheduler puts the others, and in whatever order. What the
 * scheduler will choose among several Macs cannot be known, since it breaks ties at random; so it is taken for an adversary that puts
 * every other replica of the same or a higher priority where it hurts most. Replicas of a lower priority are in nobody's way: they are
 * displaced. The count is a lower bound: more may run.
 *
 * Takes time by the square of waiting workloads, times hosts at the worst.
 */
export function certainReplicas(
  hosts: readonly Host[],
  bound: readonly Bound[],
  waiting: readonly Waiting[],
): ReadonlyMap<string, number> {
  const isUnclear = bound.some((one) => one.hasOtherRules) || waiting.some(({ workload }) => workload.hasOtherRules);
  if (isUnclear) return new Map();
  const highest = Math.max(...waiting.map(({ workload }) => workload.priority));
  // What runs, and yields to somebody higher, comes back as one that waits.
  const movable = bound.filter(({ priority }) => priority < highest);
  const rivals = [...waiting.map((one) => waitingRival(one, hosts)), ...movable.map((one) => boundRival(one, hosts))];
  const byHost = Map.groupBy(bound, ({ host }) => host);
  const roomFor = (host: Host, priority: number) =>
    roomOf(
      host,
      (byHost.get(host.name) ?? []).filter((one) => one.priority >= priority),
    );
  return new Map(
    rivals.flatMap(({ waiting: one, places }) => {
      if (one === undefined) return [];
      const { name, priority } = one.workload;
      const others = rivals.filter((rival) => rival.waiting !== one && rival.priority >= priority);
      const rooms = hosts.flatMap((host, index) =>
        places[index] === 1 ? [{ index, ...roomFor(host, priority) }] : [],
      );
      return [[name, certainOf(one, rooms, others)] as const];
    }),
  );
}

function waitingRival(waiting: Waiting, hosts: readonly Host[]): Rival {
  const { priority, needBytes, port, demands } = waiting.workload;
  const places = placesOf(demands, needBytes, hosts);
  return { waiting, priority, bytes: needBytes, ports: [port], replicas: waiting.replicas, places };
}

function boundRival({ priority, needBytes, ports, demands }: Bound, hosts: readonly Host[]): Rival {
  const places = placesOf(demands, needBytes, hosts);
  return { waiting: undefined, priority, bytes: needBytes, ports, replicas: 1, places };
}

function placesOf(demands: Demands | undefined, needBytes: number, hosts: readonly Host[]): Uint8Array {
  const canBe = (host: Host) =>
    needBytes <= host.allocatableBytes && (demands === undefined || mismatch(demands, host) === undefined);
  return Uint8Array.from(hosts, (host) => Number(canBe(host)));
}

type IndexedRoom = ReturnType<typeof roomOf> & { readonly index: number };

function certainOf({ workload, replicas }: Waiting, rooms: readonly IndexedRoom[], others: readonly Rival[]): number {
  const { needBytes, port } = workload;
  const free = rooms.filter(
    ({ freeBytes, freePods, ports }) => freeBytes >= needBytes && freePods >= 1 && !ports.has(port),
  );
  const near = others.filter(({ places }) => free.some(({ index }) => places[index] === 1));
  const open = free.map(({ index, freeBytes, freePods }): Open => {
    // One host has one replica of a workload at most.
    const here = near.filter(({ places }) => places[index] === 1);
    const bytesToBlock = freeBytes - needBytes + 1;
    const isSafe = sum(here, ({ bytes }) => bytes) < bytesToBlock && here.length < freePods;
    return { bytesToBlock, podsToBlock: freePods, isSafe };
  });
  const samePort = sum(near, ({ ports, replicas: count }) => (ports.includes(port) ? count : 0));
  const most = {
    bytes: sum(near, ({ bytes, replicas: count }) => bytes * count),
    pods: sum(near, ({ replicas: count }) => count),
  };
  for (let count = Math.min(replicas, open.length); count > 0; count -= 1) {
    // Of so many hosts the last replica is kept by a port: those before it have it, or others do.
    if (hasPlace(open, count - 1 + samePort, most)) return count;
  }
  return 0;
}

/** Whether one host is left, however the others are put. */
function hasPlace(
  open: readonly Open[],
  taken: number,
  most: { readonly bytes: number; readonly pods: number },
): boolean {
  if (open.filter(({ isSafe }) => isSafe).length > taken) return true;
  const cheapest = open
    .map(({ bytesToBlock }) => bytesToBlock)
    .sort((a, b) => a - b)
    .slice(0, Math.max(0, open.length - taken - blockedByPods(open, most.pods)));
  return cheapest.length > 0 && sum(cheapest, (bytes) => bytes) > most.bytes;
}

/** The most hosts whose places for pods so many replicas can use up. */
function blockedByPods(open: readonly Open[], replicas: number): number {
  let left = replicas;
  let blocked = 0;
  for (const { podsToBlock } of open.toSorted((a, b) => a.podsToBlock - b.podsToBlock)) {
    left -= podsToBlock;
    if (left < 0) break;
    blocked += 1;
  }
  return blocked;
}

function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((total, item) => total + of(item), 0);
}
