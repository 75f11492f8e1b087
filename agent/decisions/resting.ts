import { formatBytes } from "../../api/quantity.ts";
import type { WorkloadId } from "../workload/workload-id.ts";
import type { Demand } from "./demand.ts";
import { requestsText } from "./drain.ts";

/** A model behind a gateway, with what the plan depends on. All times are milliseconds of the injected clock. */
export interface Rester {
  readonly id: WorkloadId;
  /** For messages. */
  readonly name: string;
  /** The lowest unloads first. */
  readonly priority: number;
  /** `spec.evictionProtection`: it never unloads for others, nor because it is idle. */
  readonly pinned: boolean;
  /** Idle time after which it unloads; `never` and undefined: it does not. One that says `never` is loaded without a request, too. */
  readonly idleUnloadMs: number | "never" | undefined;
  /** The largest of estimate, projection and measured footprint, in bytes; undefined while its header has not been read. */
  readonly chargeBytes: number | undefined;
  readonly demand: Demand;
  /** Undefined: it has no process. */
  readonly server: { readonly phase: "starting" | "ready" | "stopping"; readonly since: number } | undefined;
  /** Something other than memory keeps it from starting: a back-off, a download, a fault of its file. */
  readonly obstructed: boolean;
}

/** What others hold, and may use, beside the models of this plan. */
export interface Room {
  readonly allocatableBytes: number;
  /** Held by servers that are not in the plan, and by other agents. */
  readonly heldBytes: number;
  /** Of these, what servers hold that stop now. */
  readonly leavingBytes: number;
  /** Nothing may start now, whatever unloads: memory pressure, or a watchdog that does not answer. */
  readonly blocked: boolean;
}

/**
 * - `awake`: it may run; admission decides when it starts.
 * - `sleeps`: it does not run, or stops now.
 * - `drains`: it takes no new request, and stops when those that it works on have ended.
 * - `waits`: it is asked for, and loads once others have left; `untilMs` is how long that takes at least, 0 where it depends on requests.
 * - `blocked`: it is asked for, and nothing that may unload would make room for it.
 */
export type Rest =
  | { readonly kind: "awake" }
  | { readonly kind: "sleeps"; readonly reason: RestReason; readonly message: string; readonly madeRoomFor?: string }
  | { readonly kind: "drains"; readonly message: string; readonly madeRoomFor: string }
  | { readonly kind: "waits"; readonly message: string; readonly untilMs: number }
  | { readonly kind: "blocked"; readonly message: string };

export type RestReason = "Idle" | "MadeRoom" | "Unasked";

/** One that was loaded for a request answers some before it leaves again, though nobody asks at this moment. */
export const LEAST_STAY_MS = 5000;

/**
 * Where two models that cannot live together are both asked for without a pause, each has the memory for this long before it drains. So
 * there are at most two swaps a minute for each pair, and nobody starves.
 */
export const TURN_MS = 30_000;

/** A client that asks again at once still uses its model in between. */
export const PAUSE_MS = 2000;

const AWAKE: Rest = { kind: "awake" };

/**
 * Decides which models are in memory. Those that are asked for come first: the highest priority, then the longest wait. For each, the idle
 * ones leave, least recently used of the lowest priority first, until it fits. One with a request in flight leaves only after its turn,
 * and then drains. None of a higher priority leaves, and none that is pinned. What nobody asks for loads only where memory is free.
 */
export function planRest(resters: readonly Rester[], room: Room, now: number): ReadonlyMap<WorkloadId, Rest> {
  const plan = new Map<WorkloadId, Rest>();
  for (const one of resters) {
    if (isIdle(one, now)) plan.set(one.id, { kind: "sleeps", reason: "Idle", message: idleMessage(one) });
  }
  const asked = resters.filter((one) => isAsked(one, room)).toSorted(byTurn);
  // What still holds memory, or is certain to: those that load for an earlier one in this plan are added.
  const holding = new Set(resters.filter((one) => one.server !== undefined));
  for (const one of asked) {
    const rest = restOfAsked(one, holding, plan, room, now);
    // Nobody waits for a pinned one that is not asked for: admission says what it lacks.
    plan.set(one.id, rest.kind === "blocked" && one.demand.waiting === 0 ? AWAKE : rest);
    // Whoever waits longer has the room that is made for it: no later one takes it.
    if (rest.kind !== "blocked") holding.add(one);
  }
  const first = asked.find(({ id, demand }) => demand.waiting > 0 && plan.get(id)?.kind !== "blocked");
  for (const one of resters.toSorted(byRank)) {
    if (plan.has(one.id)) continue;
    const rest = restOfUnasked(one, first, holding, room);
    plan.set(one.id, rest);
    if (rest === AWAKE && mayStart(one, room)) holding.add(one);
  }
  return plan;
}

/** Whether its time without a request is over. Never while it loads: that is for somebody, or has been decided before. */
function isIdle({ idleUnloadMs, pinned, demand, server }: Rester, now: number): boolean {
  if (typeof idleUnloadMs !== "number" || pinned || server?.phase !== "ready" || hasRequests(demand)) return false;
  return now - lastUse(demand, server.since) >= idleUnloadMs;
}

function idleMessage({ idleUnloadMs }: Rester): string {
  return `no request in ${Math.round(Number(idleUnloadMs) / 1000)} s; a request loads it again`;
}

/** It has no process, and requests wait for it that only a process could answer; or it is pinned, and so asked for all the time. */
function isAsked(one: Rester, room: Room): boolean {
  const { demand, pinned, server } = one;
  if ((demand.waiting === 0 && !pinned) || !mayStart(one, room)) return false;
  return server === undefined || server.phase === "stopping";
}

/** Only memory that others hold can keep it from starting. What is larger than all that there is, admission refuses, and says why. */
function mayStart({ obstructed, chargeBytes }: Rester, room: Room): boolean {
  return !obstructed && chargeBytes !== undefined && chargeBytes <= room.allocatableBytes;
}

function hasRequests({ waiting, inFlight }: Demand): boolean {
  return waiting > 0 || inFlight > 0;
}

function isUsed({ demand }: Rester, now: number): boolean {
  return hasRequests(demand) || (demand.lastUsedAt !== undefined && now - demand.lastUsedAt < PAUSE_MS);
}

function lastUse({ lastUsedAt }: Demand, since: number): number {
  return Math.max(lastUsedAt ?? since, since);
}

function restOfAsked(
  one: Rester,
  holding: ReadonlySet<Rester>,
  plan: Map<WorkloadId, Rest>,
  room: Room,
  now: number,
): Rest {
  const need = one.chargeBytes ?? 0;
  const held = [...holding].filter((holder) => holder !== one);
  const leaving = (holder: Rester) => holder.server?.phase === "stopping" || isLeaving(plan.get(holder.id));
  const staying = held.filter((holder) => !leaving(holder));
  // With everything gone that leaves already, does it fit?
  const free = room.allocatableBytes - room.heldBytes + room.leavingBytes - sumOf(staying);
  if (need <= free) {
    const isFree = need <= room.allocatableBytes - room.heldBytes - sumOf(held);
    return isFree ? AWAKE : { kind: "waits", message: waitMessage(held.filter(leaving)), untilMs: 0 };
  }
  if (room.blocked) return { kind: "waits", message: "it waits until models may load again", untilMs: 0 };
  const victims = victimsFor(one, staying, need - free, now);
  if (victims === undefined) return { kind: "blocked", message: blockedMessage(one, need, staying, room) };
  const untilMs = Math.max(...victims.map((victim) => turnLeftMs(victim, now)));
  if (untilMs > 0) return { kind: "waits", message: turnMessage(victims, untilMs), untilMs };
  for (const victim of victims) plan.set(victim.id, leave(victim, one));
  return { kind: "waits", message: waitMessage(victims), untilMs: 0 };
}

function isLeaving(rest: Rest | undefined): boolean {
  return rest?.kind === "sleeps" || rest?.kind === "drains";
}

function leave({ demand }: Rester, { name }: Rester): Rest {
  if (demand.inFlight === 0) {
    return { kind: "sleeps", reason: "MadeRoom", message: `unloaded to make room for ${name}`, madeRoomFor: name };
  }
  const message = `makes room for ${name} after ${requestsText(demand.inFlight)} in flight`;
  return { kind: "drains", message, madeRoomFor: name };
}

/** Those that leave so that `need` bytes more become free; undefined if all that may leave are not enough. */
function victimsFor(one: Rester, staying: readonly Rester[], need: number, now: number): readonly Rester[] | undefined {
  const ranked = staying.filter((holder) => mayLeave(holder, one)).toSorted((a, b) => byUse(a, b, now));
  const chosen: Rester[] = [];
  let freed = 0;
  for (const holder of ranked) {
    if (freed >= need) break;
    chosen.push(holder);
    freed += holder.chargeBytes ?? 0;
  }
  if (freed < need) return undefined;
  // One that was taken early may not be needed any more beside a large one: the most recently used stays first.
  return chosen.toReversed().reduce<readonly Rester[]>((kept, holder) => {
    const without = kept.filter((other) => other !== holder);
    return sumOf(without) >= need ? without : kept;
  }, chosen);
}

/** One that waits itself for its start is among them: after its turn, it leaves like the others. */
function mayLeave({ pinned, priority }: Rester, one: Rester): boolean {
  return !pinned && priority <= one.priority;
}

/** Milliseconds until it may leave for another: at once where it is idle and has stayed a while, after its turn where it is used. */
function turnLeftMs(one: Rester, now: number): number {
  const { server } = one;
  // What loads, or is about to, is for somebody who waits: its turn begins when it can answer.
  if (server === undefined || server.phase === "starting") return TURN_MS;
  const stayed = now - server.since;
  return Math.max(0, (isUsed(one, now) ? TURN_MS : LEAST_STAY_MS) - stayed);
}

/** Those that nobody uses first, of the lowest priority, least recently used. What still loads leaves no sooner than what is used. */
function byUse(a: Rester, b: Rester, now: number): number {
  const isKept = (one: Rester) => one.server?.phase !== "ready" || isUsed(one, now);
  return (
    Number(isKept(a)) - Number(isKept(b)) ||
    a.priority - b.priority ||
    lastUse(a.demand, a.server?.since ?? now) - lastUse(b.demand, b.server?.since ?? now) ||
    (a.id < b.id ? -1 : 1)
  );
}

/** What nobody asks for keeps its place, or loads where there is room for all that is asked for and for it. */
function restOfUnasked(one: Rester, first: Rester | undefined, holding: ReadonlySet<Rester>, room: Room): Rest {
  // It runs, or something else says first why it does not: its header is not read, it failed, it is too large.
  if (one.server !== undefined || one.chargeBytes === undefined || !mayStart(one, room)) return AWAKE;
  if (typeof one.idleUnloadMs === "number") return { kind: "sleeps", reason: "Unasked", message: "a request loads it" };
  // One model loads at a time, and somebody waits for that one.
  if (first !== undefined) return { kind: "sleeps", reason: "Unasked", message: `it loads after ${first.name}` };
  const free = room.allocatableBytes - room.heldBytes - sumOf([...holding]);
  if (one.chargeBytes <= free) return AWAKE;
  const [need, left] = [one.chargeBytes, Math.max(0, free)].map(formatBytes);
  return { kind: "sleeps", reason: "Unasked", message: `it needs ${need}, and ${left} are free: a request makes room` };
}

function byTurn(a: Rester, b: Rester): number {
  const since = ({ demand }: Rester) => demand.waitingSince ?? Number.POSITIVE_INFINITY;
  return b.priority - a.priority || since(a) - since(b) || (a.id < b.id ? -1 : 1);
}

function byRank(a: Rester, b: Rester): number {
  return b.priority - a.priority || (a.name < b.name || (a.name === b.name && a.id < b.id) ? -1 : 1);
}

function sumOf(resters: readonly Rester[]): number {
  return resters.reduce((sum, { chargeBytes }) => sum + (chargeBytes ?? 0), 0);
}

function waitMessage(leaving: readonly Rester[]): string {
  return leaving.length === 0 ? "it waits for memory" : `waits until ${namesOf(leaving)} has made room`;
}

function turnMessage(victims: readonly Rester[], untilMs: number): string {
  return `${namesOf(victims)} has the memory for ${Math.ceil(untilMs / 1000)} s more`;
}

function blockedMessage({ name }: Rester, need: number, staying: readonly Rester[], room: Room): string {
  const held = staying.map((holder) => `${holder.name} ${formatBytes(holder.chargeBytes ?? 0)}${whyKept(holder)}`);
  const others = room.heldBytes > 0 ? [`others ${formatBytes(room.heldBytes)}`] : [];
  const [needed, all] = [need, room.allocatableBytes].map(formatBytes);
  const list = [...held, ...others].join(", ");
  return `${name} needs ${needed} of ${all}, and nothing that may unload makes room; held by ${list}`;
}

function whyKept({ pinned, priority }: Rester): string {
  return pinned ? " (protected)" : ` (priority ${priority})`;
}

function namesOf(resters: readonly Rester[]): string {
  return resters.map(({ name }) => name).join(", ");
}
