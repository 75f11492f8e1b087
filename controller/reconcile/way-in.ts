import { quantityBytes } from "../../api/quantity.ts";
import type { Clock } from "../../kube/clock.ts";
import { largestContext } from "../../memory/advice.ts";
import { mismatch } from "../../memory/placement/demands.ts";
import { priorityAbove } from "../../memory/placement/priorities.ts";
import { type Room, roomsOf } from "../../memory/placement/room.ts";
import { wayIn, wayInText } from "../../memory/placement/way-in.ts";
import type { Bound, Workload } from "../../memory/placement/workload.ts";
import type { HeaderBook } from "../headers/book.ts";
import { workloadOf } from "../plan/workload.ts";
import type { Fleet } from "../watch/fleet.ts";
import type { ServiceView } from "../watch/manifest-view.ts";
import type { PodView } from "../watch/pod-view.ts";
import { deploymentOf } from "./decide.ts";
import { type Joined, servedOf, settingsOf } from "./need.ts";

/**
 * Adds to what the scheduler says of a replica that waits what would let it in. The message that was said before is kept while a header is
 * read, so that it does not flicker.
 */
export type WayInTeller = (view: ServiceView, joined: Joined, waiter: string) => (message: string) => string;

export interface WayInOptions {
  readonly fleet: Fleet;
  readonly headers: HeaderBook;
  readonly clock: Clock;
}

/** What is on the Macs is put together at most once in this time, however many services ask. */
const FRESH_MS = 1000;
/** So many Macs are looked at for one service: those with the most room, and the largest. */
const MOST_MACS = 50;

/** Computed where a service is looked at anyway, and at no other time: an arrival rewrites nothing of those that wait. */
export function wayInTeller({ fleet, headers, clock }: WayInOptions): WayInTeller {
  let rooms: readonly Room[] = [];
  let madeAt = Number.NEGATIVE_INFINITY;
  const roomsNow = () => {
    if (clock.monotonic() - madeAt > FRESH_MS) {
      rooms = [...roomsOf(fleet.macs.list(), fleet.allPods().flatMap(boundOf)).values()];
      madeAt = clock.monotonic();
    }
    return rooms;
  };
  return (view, joined, waiter) => (message) => {
    const deployment = deploymentOf(joined.service, fleet);
    const pod = fleet.podsOf(view.key).find(({ node, isDeleting }) => node === undefined && !isDeleting);
    const workload = deployment && pod && workloadOf(deployment, joined.model, pod.priority);
    if (workload === undefined) return message;
    const own = { ...workload, name: view.key };
    const looked = lookedAt(roomsNow(), own);
    const way = wayIn(
      looked.map(({ host }) => host),
      looked.flatMap(({ bound }) => bound),
      own,
    );
    if (way === undefined) return message;
    const before = view.status["schedulingMessage"];
    const isSaid = typeof before === "string" && before.startsWith(message);
    // What was said before a restart stays: for advice alone nothing is read again, nor anything written.
    const book = isSaid || way.nearest === undefined ? { ...headers, look: headers.peek } : headers;
    const [served, settings] = [servedOf(joined, book, waiter), settingsOf(joined)];
    if (served.state === "reading" && isSaid) return before;
    const contextFor = (bytes: number) =>
      served.state === "read" && settings.ok ? largestContext(served.served, settings.value, bytes) : undefined;
    const text = wayInText(way, contextFor, priorityAbove);
    return text === "" ? message : `${message}. ${text}`;
  };
}

/** A few Macs that could take it, so that the cost does not grow with the fleet. */
function lookedAt(rooms: readonly Room[], { demands }: Workload): readonly Room[] {
  const open = rooms.filter(({ host }) => host.isReady && mismatch(demands, host) === undefined);
  if (open.length <= MOST_MACS) return open;
  const roomiest = open.toSorted((a, b) => b.freeBytes - a.freeBytes).slice(0, MOST_MACS / 2);
  const largest = open.toSorted((a, b) => b.host.allocatableBytes - a.host.allocatableBytes).slice(0, MOST_MACS / 2);
  return [...new Set([...roomiest, ...largest])];
}

function boundOf({ namespace, name, service, node, phase, memoryRequest, ports, priority }: PodView): readonly Bound[] {
  if (node === undefined || phase === "Succeeded" || phase === "Failed") return [];
  const needBytes = quantityBytes(memoryRequest ?? "0");
  if (typeof needBytes !== "bigint") return [];
  return [
    { pod: `${namespace}/${name}`, workload: service, host: node, needBytes: Number(needBytes), ports, priority },
  ];
}
