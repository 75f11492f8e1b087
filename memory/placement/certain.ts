import { mismatch } from "./demands.ts";
import type { Host } from "./host.ts";
import { roomOf } from "./room.ts";
import type { Bound, Waiting } from "./workload.ts";

/** What all that may come before a workload can take of one host. */
interface Rivals {
  bytes: number;
  replicas: number;
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
 * Linear in workloads times hosts.
 */
export function certainReplicas(
  hosts: readonly Host[],
  bound: readonly Bound[],
  waiting: readonly Waiting[],
): ReadonlyMap<string, number> {
  const order = waiting.toSorted((a, b) => b.workload.priority - a.workload.priority);
  const isUnclear = bound.some((one) => one.hasOtherRules) || waiting.some(({ workload }) => workload.hasOtherRules);
  if (isUnclear) return new Map(order.map(({ workload }) => [workload.name, 0]));
  const highest = order[0]?.workload.priority ?? 0;
  const byHost = Map.groupBy(bound, ({ host }) => host);
  const rivals = hosts.map((): Rivals => ({ bytes: 0, replicas: 0 }));
  const certain = new Map<string, number>();
  for (const [priority, level] of Map.groupBy(order, ({ workload }) => workload.priority)) {
    for (const one of level) addRivals(rivals, hosts, one);
    // What runs, and yields to somebody higher, comes back as one that waits.
    const movable = bound.filter((one) => one.priority >= priority && one.priority < highest);
    const above = order.filter(({ workload }) => workload.priority >= priority);
    for (const one of level) {
      const all = rivalsInAll(above, movable, one);
      const open = hosts.flatMap((host, index) => {
        const here = (byHost.get(host.name) ?? []).filter((pod) => pod.priority >= priority);
        return openHost(one, host, here, rivals[index], movable) ?? [];
      });
      certain.set(one.workload.name, certainOf(one, open, all));
    }
  }
  return certain;
}

function addRivals(rivals: readonly Rivals[], hosts: readonly Host[], { workload, replicas }: Waiting): void {
  for (const [index, host] of hosts.entries()) {
    const here = rivals[index];
    if (here === undefined || mismatch(workload.demands, host) !== undefined) continue;
    if (workload.needBytes > host.allocatableBytes) continue;
    // One host has one replica of a workload at most.
    here.bytes += workload.needBytes;
    here.replicas += Math.min(1, replicas);
  }
}

interface InAll extends Rivals {
  /** Replicas of others that want the same port. */
  readonly samePort: number;
}

function rivalsInAll(above: readonly Waiting[], movable: readonly Bound[], { workload }: Waiting): InAll {
  const others = above.filter((other) => other.workload !== workload);
  const sum = (numbers: readonly number[]) => numbers.reduce((total, one) => total + one, 0);
  return {
    bytes:
      sum(others.map((other) => other.replicas * other.workload.needBytes)) + sum(movable.map((one) => one.needBytes)),
    replicas: sum(others.map((other) => other.replicas)) + movable.length,
    samePort:
      sum(others.map((other) => (other.workload.port === workload.port ? other.replicas : 0))) +
      movable.filter(({ ports }) => ports.includes(workload.port)).length,
  };
}

/** Undefined where the workload cannot run on that host, not even when nobody else comes. */
function openHost(
  { workload, replicas }: Waiting,
  host: Host,
  here: readonly Bound[],
  rivals: Rivals | undefined,
  movable: readonly Bound[],
): Open | undefined {
  if (replicas === 0 || mismatch(workload.demands, host) !== undefined) return undefined;
  const { freeBytes, freePods, ports } = roomOf(host, here);
  if (freeBytes < workload.needBytes || freePods < 1 || ports.has(workload.port)) return undefined;
  const bytesToBlock = freeBytes - workload.needBytes + 1;
  const movableBytes = movable.reduce((sum, { needBytes }) => sum + needBytes, 0);
  const bytes = (rivals?.bytes ?? 0) - workload.needBytes + movableBytes;
  const pods = (rivals?.replicas ?? 0) - 1 + movable.length;
  return { bytesToBlock, podsToBlock: freePods, isSafe: bytes < bytesToBlock && pods < freePods };
}

/** The most replicas of which the last finds a host, with one host each taken by those before it. */
function certainOf({ replicas }: Waiting, open: readonly Open[], all: InAll): number {
  for (let count = Math.min(replicas, open.length); count > 0; count -= 1) {
    const taken = count - 1 + all.samePort;
    if (open.filter(({ isSafe }) => isSafe).length > taken) return count;
    const left = open
      .map(({ bytesToBlock }) => bytesToBlock)
      .sort((a, b) => a - b)
      .slice(0, Math.max(0, open.length - taken - blockedByPods(open, all.replicas)));
    if (left.length > 0 && left.reduce((sum, bytes) => sum + bytes, 0) > all.bytes) return count;
  }
  return 0;
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
