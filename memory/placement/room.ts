import type { Host } from "./host.ts";
import type { Bound } from "./workload.ts";

/** What is on one Mac, and what is free of it. */
export interface Room {
  readonly host: Host;
  readonly bound: readonly Bound[];
  /** Negative where more is bound than the Mac offers by now. */
  readonly freeBytes: number;
  readonly freePods: number;
  readonly ports: ReadonlySet<number>;
}

export function roomOf(host: Host, bound: readonly Bound[]): Room {
  return {
    host,
    bound,
    freeBytes: host.allocatableBytes - bound.reduce((sum, { needBytes }) => sum + needBytes, 0),
    freePods: host.allocatablePods - bound.length,
    ports: new Set(bound.flatMap(({ ports }) => ports)),
  };
}

/** Of each host, by name; hosts in the order of their names, so that nothing depends on the order they are given in. */
export function roomsOf(hosts: readonly Host[], bound: readonly Bound[]): ReadonlyMap<string, Room> {
  const byHost = Map.groupBy(bound, ({ host }) => host);
  const sorted = hosts.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  return new Map(sorted.map((host) => [host.name, roomOf(host, byHost.get(host.name) ?? [])]));
}

/** Why a replica has no room on a Mac that is one for it. */
export type Shortage = "memory" | "port" | "pods";

/** The first of the scheduler's own order; undefined: there is room. */
export function shortage(room: Room, needBytes: number, port: number): Shortage | undefined {
  if (room.ports.has(port)) return "port";
  if (room.freePods < 1) return "pods";
  return needBytes > room.freeBytes ? "memory" : undefined;
}
