import type { Allocatable } from "../../memory/allocatable.ts";
import type { HeldBack } from "../boot/held-back.ts";
import type { HostClaims, Other } from "../claims/host-claims.ts";
import { admit, type Candidate, type Holder, LAST, unreserved } from "../decisions/admission.ts";
import { decide, isAbsent, isCandidate, isObstructed, type Observed } from "../decisions/decide.ts";
import { cooldownLeftMs, type Evictable, evictedMessage, victimOf } from "../decisions/eviction.ts";
import { mustEvict, type Pressure, pressureWait } from "../decisions/pressure.ts";
import { planRest, type Rest } from "../decisions/resting.ts";
import { isSettled } from "../decisions/settled.ts";
import type { Desired } from "../workload/desired.ts";
import type { Preparation } from "../workload/prepare.ts";
import { type WorkloadId, workloadId } from "../workload/workload-id.ts";
import { cacheBytesOf, chargeBytes, type Entry, isUnmeasured } from "./entry.ts";
import { inFlightOf } from "./in-flight.ts";
import type { KeyFiles } from "./key-files.ts";
import { turnToChangeKeys } from "./key-turn.ts";
import type { GatewayDemand, Wanted } from "./options.ts";
import { resterOf } from "./resters.ts";

/** The inputs that all decisions of one tick share. */
export interface Round {
  readonly wanted: Wanted;
  /** One for each workload that should run. */
  readonly preparations: ReadonlyMap<WorkloadId, Preparation>;
  readonly pressure: Pressure;
  /** The workloads whose projection is under way. */
  readonly asked: ReadonlySet<WorkloadId>;
  readonly keys: KeyFiles;
  /** Why a workload does not start by itself; undefined: none is held back. */
  readonly holdOf?: HeldBack["holdOf"] | undefined;
  readonly allocatable: Allocatable;
  /** Undefined: no model sleeps. */
  readonly gateway?: GatewayDemand | undefined;
  /** What other agents of this machine hold. */
  readonly claims: Pick<HostClaims, "covers" | "others" | "trouble">;
  /** Why the watchdog lets nothing start. */
  readonly watchdogTrouble?: string | undefined;
  readonly now: number;
}

/**
 * Decides on all entries together and stores each decision in its entry. Nothing else writes a decision. Gives the workloads for which
 * there is memory to start now.
 */
export function decideAll(entries: readonly Entry[], round: Round): ReadonlySet<WorkloadId> {
  const { wanted, now, pressure, allocatable, asked, claims, watchdogTrouble } = round;
  const victim = victimOf(
    pressure,
    entries.flatMap((entry) => evictable(entry, round)),
  );
  const turn = turnToChangeKeys(entries, round);
  const hostWait = pressureWait(pressure) ?? watchdogTrouble ?? claims.trouble();
  const seen = entries.map((entry) => {
    const desired = wanted.workloads.get(entry.id);
    return { entry, desired, observed: observedOf(entry, victim, turn, round) };
  });
  const rests = restsOf(seen, hostWait, round);
  const facts = seen.map(({ entry, desired, observed }) => {
    entry.rest = rests.get(entry.id);
    return { entry, desired, observed: { ...observed, rest: entry.rest } };
  });
  for (const { entry, desired, observed } of facts) {
    const queues = asked.has(entry.id) || isCandidate(desired, observed, now);
    entry.queuedAt = queues ? (entry.queuedAt ?? now) : undefined;
  }
  const candidates = facts.flatMap(({ entry, desired }) => candidateOf(entry, desired, asked));
  const holders = entries.flatMap((entry) => holderOf(entry, round));
  const verdicts = admit(candidates, [...holders, ...claims.others().map(holderOfOther)], allocatable, hostWait);
  const starting = candidates.filter(({ id }) => verdicts.get(id)?.kind === "starts");
  const reserved = claims.covers([...holders, ...starting].reduce((sum, claimant) => sum + claimant.chargeBytes, 0));
  for (const { entry, desired, observed } of facts) {
    const verdict = verdicts.get(entry.id);
    entry.decision = decide(desired, { ...observed, verdict: reserved ? verdict : unreserved(verdict) }, now);
    entry.drainsSince = entry.decision.drains ? (entry.drainsSince ?? now) : undefined;
  }
  return new Set(starting.map(({ id }) => id));
}

interface Seen {
  readonly entry: Entry;
  readonly desired: Desired | undefined;
  readonly observed: Observed;
}

/** Which models are in memory, behind a gateway; none is in the answer without one. */
function restsOf(
  seen: readonly Seen[],
  hostWait: string | undefined,
  { gateway, asked, claims, allocatable, wanted: { synced }, now }: Round,
): ReadonlyMap<WorkloadId, Rest> {
  if (gateway === undefined) return new Map();
  const resters = seen.flatMap(({ entry, desired, observed }) => {
    if (desired?.kind !== "run") return [];
    const obstructed = isObstructed(desired, observed, now);
    return [resterOf(entry, { ...desired, obstructed, asking: asked.has(entry.id), gateway, now })];
  });
  const planned = new Set(resters.map(({ id }) => id));
  const outside = entriesOutside(seen, planned);
  // One that waits for its requests before it stops goes as certainly.
  const leaving = seen.filter((one) => outside.includes(one.entry) && isLeaving(one, synced)).map(({ entry }) => entry);
  const others = claims.others().reduce((sum, { bytes }) => sum + bytes, 0);
  const held = { heldBytes: chargesOf(outside) + others, leavingBytes: chargesOf(leaving) };
  return planRest(resters, { allocatableBytes: allocatable.bytes, ...held, blocked: hostWait !== undefined }, now);
}

/** The servers that the plan does not know: their workload should not run, or nobody knows whether it should. */
function entriesOutside(seen: readonly Seen[], planned: ReadonlySet<WorkloadId>): readonly Entry[] {
  return seen.flatMap(({ entry }) => (planned.has(entry.id) || entry.running === undefined ? [] : [entry]));
}

/** Whether it stops, or is about to for good. */
function isLeaving({ entry: { running }, desired }: Pick<Seen, "entry" | "desired">, synced: boolean): boolean {
  if (running === undefined) return false;
  const down = desired?.kind === "stopped" || desired?.kind === "refused";
  return running.phase === "stopping" || down || isAbsent(desired, running, synced);
}

function chargesOf(entries: readonly Entry[]): number {
  return entries.reduce((sum, entry) => sum + chargeBytes(entry), 0);
}

function observedOf(
  entry: Entry,
  victim: WorkloadId | undefined,
  turn: WorkloadId | undefined,
  { wanted, preparations, pressure, keys, holdOf, gateway, now }: Round,
): Observed {
  const { running, eviction } = entry;
  const desired = wanted.workloads.get(entry.id);
  const keyFile = desired?.kind === "run" ? desired.workload.fields.apiKeyFile : undefined;
  return {
    synced: wanted.synced,
    ending: wanted.ending,
    server: running,
    inFlight: inFlightOf(entry, { gateway, pressure }),
    critical: mustEvict(pressure),
    evict: victim === entry.id ? evictedMessage(chargeBytes(entry)) : undefined,
    keysChanged: turn === entry.id,
    keyProblem: keyFile === undefined ? undefined : keys.known(keyFile).problem,
    cooldownLeftMs: eviction && cooldownLeftMs(eviction, pressure, now),
    backOff: entry.backOff,
    hold: holdOf?.(entry.id),
    preparation: preparations.get(entry.id),
    projection: entry.projection,
    cacheChanged: entry.cacheChange?.act === "restart" ? entry.cacheChange.message : undefined,
    promptCacheBytes: cacheBytesOf(entry),
  };
}

function candidateOf(entry: Entry, desired: Desired | undefined, asked: ReadonlySet<WorkloadId>): readonly Candidate[] {
  const { id, name, queuedAt, projection } = entry;
  if (queuedAt === undefined || desired?.kind !== "run" || asked.has(id)) return [];
  const { priority, specHash } = desired.workload;
  const projected = projection?.specHash === specHash;
  return [{ id, name, priority, chargeBytes: chargeBytes(entry), since: queuedAt, projected }];
}

function holderOf(entry: Entry, { asked, wanted, now }: Round): readonly Holder[] {
  const { id, name, running, footprint, need } = entry;
  const charge = { id, name, chargeBytes: chargeBytes(entry) };
  if (running === undefined) {
    if (!asked.has(id)) return [];
    const desired = wanted.workloads.get(id);
    const priority = desired?.kind === "run" ? desired.workload.priority : 0;
    return [{ ...charge, priority, since: LAST, loading: false, asked: true, unknown: false }];
  }
  const { inForce, startedAt, phase } = running;
  const { measuredBytes, flatSince } = footprint;
  const start = { startedAt, estimateBytes: need?.estimateBytes ?? 0, measuredBytes, flatSince };
  const loading = phase === "starting" && !isSettled(start, now);
  const unknown = footprint.unknown || isUnmeasured(entry);
  const { priority } = inForce;
  return [{ ...charge, priority, since: startedAt, loading, asked: false, unknown }];
}

/** Another agent of this machine. It holds its memory before all that waits here, and overtakes nothing. */
function holderOfOther({ key, label, bytes }: Other): Holder {
  const claim = { id: workloadId(key), name: label, priority: 0, chargeBytes: bytes, since: 0 };
  return { ...claim, loading: false, asked: false, unknown: false };
}

function evictable(entry: Entry, { wanted: { workloads, synced }, gateway }: Round): readonly Evictable[] {
  const { id, running } = entry;
  if (running === undefined) return [];
  const { inForce, startedAt } = running;
  const { priority, budget, evictionProtection } = inForce;
  const leaving = isLeaving({ entry, desired: workloads.get(id) }, synced);
  const size = { chargeBytes: chargeBytes(entry), budgetBytes: budget.bytes };
  const busy = (gateway?.demandOf(id).inFlight ?? 0) > 0;
  return [{ id, priority, protected: evictionProtection, ...size, startedAt, leaving, busy }];
}
