import { foresee } from "../placement/foresee.ts";
import type { Host } from "../placement/host.ts";
import type { Outcome, Placement } from "../placement/place.ts";
import { type Room, roomsOf } from "../placement/room.ts";
import type { Bound, Waiting, Workload } from "../placement/workload.ts";
import { settle } from "./settle.ts";

/** A fleet at rest, and who sleeps in it. */
export interface Settled extends Placement {
  /** In memory on a request, when others of its Mac have left. By name. */
  readonly resting: readonly Resting[];
  /** What is on the Macs without those that take turns. */
  readonly staying: readonly Bound[];
}

export interface Resting {
  readonly name: string;
  readonly host: string;
  readonly needBytes: number;
}

/**
 * As `settle`, where some services take turns. Each of them needs its place beside those that stay, not beside the others that take
 * turns. One that has such a place runs where there is room now, and sleeps otherwise. Nothing that stays yields to them.
 */
export function settleTurns(hosts: readonly Host[], running: readonly Bound[], services: readonly Waiting[]): Settled {
  const taking = services.filter(({ workload }) => workload.takesTurns === true);
  const own = runningOf(running, taking);
  const rest = services.filter((service) => !taking.includes(service));
  const others = running.filter((one) => !own.includes(one));
  const settled = settle(hosts, others, rest);
  const staying = boundIn(settled.rooms);
  if (taking.length === 0) return { ...settled, resting: [], staying };
  const beside = roomsOf(hosts, unmoved(staying));
  const awake = settle(hosts, [...unmoved(staying), ...own], taking);
  const isIn = new Set(boundIn(awake.rooms).map(({ workload }) => workload));
  const absent = taking.flatMap(({ workload }) => {
    const outcomes = awake.outcomes.filter((outcome) => outcome.workload === workload.name);
    return isIn.has(workload.name) ? [] : [absentOf(beside, workload, outcomes)];
  });
  const loaded = awake.outcomes.flatMap((one) => (isIn.has(one.workload) ? [{ ...one, displaces: [] }] : []));
  return {
    outcomes: [...settled.outcomes, ...loaded, ...absent.flatMap(({ out }) => out)],
    rooms: awake.rooms,
    resting: absent.flatMap(({ resting }) => resting).sort((a, b) => (a.name < b.name ? -1 : 1)),
    staying,
  };
}

interface Absent {
  readonly out: readonly Outcome[];
  readonly resting: readonly Resting[];
}

/** @param outcomes what became of it beside the others that take turns; empty: it runs today, and left for one of them */
function absentOf(beside: ReadonlyMap<string, Room>, workload: Workload, outcomes: readonly Outcome[]): Absent {
  const { name, needBytes } = workload;
  const foreseen = foresee(beside, workload);
  if (foreseen.kind === "out") {
    return { out: [{ workload: name, replica: 1, kind: "stays out", reasons: foreseen.reasons }], resting: [] };
  }
  const out = outcomes.filter(isForGood);
  return { out, resting: out.length > 0 ? [] : [{ name, host: foreseen.host, needBytes }] };
}

/** Memory, and places for processes, get free when others sleep. Their ports do not. */
function isForGood(outcome: Outcome): boolean {
  if (outcome.kind !== "stays out") return false;
  return ![...outcome.reasons.values()].some((kind) => kind === "memory" || kind === "pods");
}

/** The same, which yield to no priority: nothing that stays makes room for what takes turns. */
export function unmoved(staying: readonly Bound[]): readonly Bound[] {
  return staying.map((one) => ({ ...one, priority: Number.POSITIVE_INFINITY }));
}

function runningOf(running: readonly Bound[], services: readonly Waiting[]): readonly Bound[] {
  const names = new Set<string | undefined>(services.map(({ workload }) => workload.name));
  return running.filter(({ workload }) => names.has(workload));
}

function boundIn(rooms: Placement["rooms"]): readonly Bound[] {
  return [...rooms.values()].flatMap(({ bound }) => bound);
}
