import { certainReplicas } from "./certain.ts";
import type { Mismatch } from "./demands.ts";
import { type Foreseen, foresee } from "./foresee.ts";
import type { Host } from "./host.ts";
import { type Room, roomOf, roomsOf, type Shortage } from "./room.ts";
import type { Bound, Waiting, Workload } from "./workload.ts";

/** What becomes of one replica that waits. */
export type Outcome = {
  /** Name of its workload. */
  readonly workload: string;
  /** Counted from 1. */
  readonly replica: number;
} & (
  | {
      /** `runs`: it gets a place, whatever the scheduler chooses for the others. `may run`: that depends on what it chooses. */
      readonly kind: "runs" | "may run";
      /** Where it is probably put. */
      readonly host: string;
      /** What must yield to it there. */
      readonly displaces: readonly Bound[];
    }
  | { readonly kind: "stays out"; readonly reasons: ReadonlyMap<string, Mismatch | Shortage> }
);

/** Who runs where. */
export interface Placement {
  /** The highest priority first, then by name and replica. */
  readonly outcomes: readonly Outcome[];
  /** What each Mac has then, by name. */
  readonly rooms: ReadonlyMap<string, Room>;
}

/**
 * Who of those that wait runs where, who stays out, and what yields. It decides nothing: the scheduler does. It never says `runs` of
 * what the scheduler then cannot place, as long as nothing else comes. The same for the same hosts, pods and workloads, in whatever order
 * they are given.
 */
export function place(hosts: readonly Host[], bound: readonly Bound[], waiting: readonly Waiting[]): Placement {
  const certain = certainReplicas(hosts, bound, waiting);
  const rooms = new Map(roomsOf(hosts, bound));
  const outcomes = waiting.toSorted(byRank).flatMap(({ workload, replicas }) =>
    Array.from({ length: replicas }, (_, index): Outcome => {
      const replica = index + 1;
      const foreseen = foresee(rooms, workload);
      take(rooms, workload, replica, foreseen);
      const named = { workload: workload.name, replica };
      if (foreseen.kind === "out") return { ...named, kind: "stays out", reasons: foreseen.reasons };
      const isCertain = replica <= (certain.get(workload.name) ?? 0);
      return { ...named, kind: isCertain ? "runs" : "may run", host: foreseen.host, displaces: foreseen.displaces };
    }),
  );
  return { outcomes, rooms };
}

function byRank(a: Waiting, b: Waiting): number {
  return b.workload.priority - a.workload.priority || (a.workload.name < b.workload.name ? -1 : 1);
}

function take(rooms: Map<string, Room>, workload: Workload, replica: number, foreseen: Foreseen): void {
  const room = foreseen.kind === "placed" ? rooms.get(foreseen.host) : undefined;
  if (foreseen.kind !== "placed" || room === undefined) return;
  const mine: Bound = {
    pod: `${workload.name}#${replica}`,
    workload: workload.name,
    host: foreseen.host,
    needBytes: workload.needBytes,
    ports: [workload.port],
    priority: workload.priority,
  };
  const staying = room.bound.filter((one) => !foreseen.displaces.includes(one));
  rooms.set(foreseen.host, roomOf(room.host, [...staying, mine]));
}
