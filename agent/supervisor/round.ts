import type { Allocatable } from "../../memory/allocatable.ts";
import { admit, type Candidate, type Holder } from "../decisions/admission.ts";
import { decide, isAbsent, isCandidate, type Observed } from "../decisions/decide.ts";
import { cooldownLeftMs, type Evictable, evictedMessage, victimOf } from "../decisions/eviction.ts";
import { type Pressure, pressureWait } from "../decisions/pressure.ts";
import type { Desired } from "../workload/desired.ts";
import type { Preparation } from "../workload/prepare.ts";
import type { WorkloadId } from "../workload/workload-id.ts";
import { chargeBytes, type Entry } from "./entry.ts";
import type { Wanted } from "./options.ts";

/** The inputs that all decisions of one tick share. */
export interface Round {
  readonly wanted: Wanted;
  /** One for each workload that should run. */
  readonly preparations: ReadonlyMap<WorkloadId, Preparation>;
  readonly pressure: Pressure;
  /** Whether a projection is under way for some workload. */
  readonly asking: boolean;
  readonly allocatable: Allocatable;
  readonly now: number;
}

/** Decides on all entries together and stores each decision in its entry. Nothing else writes a decision. */
export function decideAll(entries: readonly Entry[], round: Round): void {
  const { wanted, now, pressure, allocatable, asking } = round;
  const victim = victimOf(
    pressure,
    entries.flatMap((entry) => evictable(entry, wanted)),
  );
  const facts = entries.map((entry) => {
    const desired = wanted.workloads.get(entry.id);
    return { entry, desired, observed: observedOf(entry, victim, round) };
  });
  for (const { entry, desired, observed } of facts) {
    entry.queuedAt = isCandidate(desired, observed, now) ? (entry.queuedAt ?? now) : undefined;
  }
  const hostWait =
    pressureWait(pressure) ??
    (asking ? "waits until llama-server has projected how much memory another model needs" : undefined);
  const candidates = facts.flatMap(({ entry, desired }) => candidateOf(entry, desired));
  const verdicts = admit(candidates, entries.flatMap(holderOf), allocatable, hostWait);
  for (const { entry, desired, observed } of facts) {
    entry.decision = decide(desired, { ...observed, verdict: verdicts.get(entry.id) }, now);
  }
}

function observedOf(
  entry: Entry,
  victim: WorkloadId | undefined,
  { wanted, preparations, pressure, now }: Round,
): Observed {
  const { running, eviction } = entry;
  return {
    synced: wanted.synced,
    server: running,
    evict: victim === entry.id ? evictedMessage(chargeBytes(entry)) : undefined,
    cooldownLeftMs: eviction && cooldownLeftMs(eviction, pressure, now),
    backOff: entry.backOff,
    preparation: preparations.get(entry.id),
    projection: entry.projection,
  };
}

function candidateOf(entry: Entry, desired: Desired | undefined): readonly Candidate[] {
  const { id, name, queuedAt } = entry;
  if (queuedAt === undefined || desired?.kind !== "run") return [];
  return [{ id, name, priority: desired.workload.priority, chargeBytes: chargeBytes(entry), since: queuedAt }];
}

function holderOf(entry: Entry): readonly Holder[] {
  const { id, name, running, footprint } = entry;
  if (running === undefined) return [];
  const { inForce, startedAt, phase } = running;
  const claim = { id, name, priority: inForce.priority, chargeBytes: chargeBytes(entry), since: startedAt };
  return [{ ...claim, starting: phase === "starting", unknown: footprint.unknown }];
}

function evictable(entry: Entry, { workloads, synced }: Wanted): readonly Evictable[] {
  const { id, running } = entry;
  if (running === undefined) return [];
  const { inForce, startedAt, phase } = running;
  const desired = workloads.get(id);
  const { priority, budget, evictionProtection } = inForce;
  const down = desired?.kind === "stopped" || desired?.kind === "refused";
  const leaving = phase === "stopping" || down || isAbsent(desired, running, synced);
  const size = { chargeBytes: chargeBytes(entry), budgetBytes: budget.bytes };
  return [{ id, priority, protected: evictionProtection, ...size, startedAt, leaving }];
}
