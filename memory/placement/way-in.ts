import { formatBytes } from "../../api/quantity.ts";
import { mismatch } from "./demands.ts";
import { foresee } from "./foresee.ts";
import type { Host } from "./host.ts";
import { type Room, roomsOf } from "./room.ts";
import type { Bound, Workload } from "./workload.ts";

/** What would let one more replica of a workload in. Undefined where it has room, and what cannot help is left out. */
export interface WayIn {
  /** The Mac that lacks the least memory. */
  readonly nearest?: { readonly mac: string; readonly freeBytes: number; readonly missingBytes: number } | undefined;
  /** What would yield if its priority were higher: at `above`, and no less. */
  readonly byPriority?:
    | { readonly mac: string; readonly above: number; readonly displaces: readonly string[] }
    | undefined;
}

export function wayIn(hosts: readonly Host[], bound: readonly Bound[], workload: Workload): WayIn | undefined {
  const rooms = roomsOf(hosts, bound);
  if (foresee(rooms, workload).kind === "placed") return undefined;
  return { nearest: nearest([...rooms.values()], workload), byPriority: byPriority(hosts, bound, workload) };
}

function nearest(rooms: readonly Room[], { demands, needBytes, port }: Workload): WayIn["nearest"] {
  // On a Mac with its port, or without a place for a pod, more memory is of no help; nor is it where all of it is too little.
  const open = rooms.filter(
    ({ host, ports, freePods }) =>
      mismatch(demands, host) === undefined && !ports.has(port) && freePods > 0 && host.allocatableBytes >= needBytes,
  );
  const [best] = open.toSorted((a, b) => b.freeBytes - a.freeBytes);
  if (best === undefined) return undefined;
  return {
    mac: best.host.name,
    freeBytes: Math.max(0, best.freeBytes),
    missingBytes: needBytes - best.freeBytes,
  };
}

/** The lowest priority that would displace enough. Its own replicas rise with it, and yield to nothing. */
function byPriority(hosts: readonly Host[], bound: readonly Bound[], workload: Workload): WayIn["byPriority"] {
  const others = bound.filter((one) => one.workload !== workload.name);
  const own = bound.filter((one) => one.workload === workload.name);
  const rooms = roomsOf(hosts, [...others, ...own.map((one) => ({ ...one, priority: Number.POSITIVE_INFINITY }))]);
  const levels = new Set(others.map(({ priority }) => priority).filter((priority) => priority >= workload.priority));
  for (const above of [...levels].sort((a, b) => a - b)) {
    const foreseen = foresee(rooms, { ...workload, priority: above + 1 });
    if (foreseen.kind === "placed") {
      return { mac: foreseen.host, above, displaces: foreseen.displaces.map(({ pod }) => pod).sort() };
    }
  }
  return undefined;
}

/**
 * Sentences that a person can act on; empty where nothing here would help.
 *
 * @param contextFor the largest context in tokens that so many bytes hold; undefined: none does, or it is not known
 * @param priorityFor name of the lowest priority above this one; undefined: none has a name
 */
export function wayInText(
  { nearest: mac, byPriority: higher }: WayIn,
  contextFor: (bytes: number) => number | undefined = () => undefined,
  priorityFor: (above: number) => string | undefined = () => undefined,
): string {
  const context = mac && contextFor(mac.freeBytes);
  const priority = higher && (priorityFor(higher.above) ?? `a priority above ${higher.above}`);
  const sentences = [
    mac &&
      `${mac.mac} has ${formatBytes(mac.freeBytes)} free, and would take it with ${formatBytes(mac.missingBytes)} more`,
    context && `with a context of ${context} tokens it would fit there now`,
    higher && `with ${priority} it would displace ${listed(higher.displaces)} on ${higher.mac}`,
  ];
  return sentences.filter((sentence) => sentence !== undefined && sentence !== 0).join("; ");
}

const MOST_LISTED = 3;

function listed(pods: readonly string[]): string {
  const more = pods.length - MOST_LISTED;
  return pods.slice(0, MOST_LISTED).join(", ") + (more > 0 ? ` and ${more} more` : "");
}
