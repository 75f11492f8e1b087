import { mismatch } from "../placement/demands.ts";
import type { Host } from "../placement/host.ts";
import { type Placement, place } from "../placement/place.ts";
import { roomOf, roomsOf, shortage } from "../placement/room.ts";
import type { Bound, Waiting, Workload } from "../placement/workload.ts";

/** A fleet at rest: what runs stays where it is as long as it has room there, and the others find a place. */
export function settle(hosts: readonly Host[], running: readonly Bound[], services: readonly Waiting[]): Placement {
  const names = new Set(services.map(({ workload }) => workload.name));
  const foreign = running.filter(({ workload }) => workload === undefined || !names.has(workload));
  const own = Map.groupBy(running, ({ workload }) => workload);
  const rooms = new Map(roomsOf(hosts, foreign));
  const waiting = services.toSorted(byRank).flatMap(({ workload, replicas }): readonly Waiting[] => {
    const stays = (own.get(workload.name) ?? []).slice(0, replicas).filter(({ pod, host }) => {
      const room = rooms.get(host);
      if (room === undefined || mismatch(workload.demands, room.host) !== undefined) return false;
      if (shortage(room, workload.needBytes, workload.port) !== undefined) return false;
      rooms.set(host, roomOf(room.host, [...room.bound, boundAt(workload, pod, host)]));
      return true;
    });
    const left = replicas - stays.length;
    return left > 0 ? [{ workload, replicas: left }] : [];
  });
  return place(
    hosts,
    [...rooms.values()].flatMap(({ bound }) => bound),
    waiting,
  );
}

/** What a service needs now, on the Mac that it is on. */
function boundAt(workload: Workload, pod: string, host: string): Bound {
  const { name, needBytes, port, priority, demands, hasOtherRules } = workload;
  return { pod, workload: name, host, needBytes, ports: [port], priority, demands, hasOtherRules };
}

function byRank(a: Waiting, b: Waiting): number {
  return b.workload.priority - a.workload.priority || (a.workload.name < b.workload.name ? -1 : 1);
}
