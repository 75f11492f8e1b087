import type { Allocatable } from "../../memory/allocatable.ts";
import type { HostClaims, Other } from "../claims/host-claims.ts";
import { admit, type Candidate, type Holder, unreserved } from "../decisions/admission.ts";
import { decide, isAbsent, isCandidate, type Observed } from "../decisions/decide.ts";
import { cooldownLeftMs, type Evictable, evictedMessage, victimOf } from "../decisions/eviction.ts";
import { type Pressure, pressureWait } from "../decisions/pressure.ts";
import type { Desired } from "../workload/desired.ts";
import type { Preparation } from "../workload/prepare.ts";
import { type WorkloadId, workloadId } from "../workload/workload-id.ts";
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
  /** What other agents of this machine hold. */
  readonly claims: Pick<HostClaims, "covers" | "others" | "trouble">;
  readonly now: number;
}

/**
 * Decides on all entries together and stores each decision in its entry. Nothing else writes a decision. Gives the workloads for which
 * there is memory to start now.
 */
export function decideAll(entries: readonly Entry[], round: Round): ReadonlySet<WorkloadId> {
  const { wanted, now, pressure, allocatable, asking, claims } = round;
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
    claims.trouble() ??
    (asking ? "waits until llama-server has projected how much memory another model needs" : undefined);
  const candidates = facts.flatMap(({ entry, desired }) => candidateOf(entry, desired));
  const holders = entries.flatMap(holderOf);
  const verdicts = admit(candidates, [...holders, ...claims.others().map(holderOfOther)], allocatable, hostWait);
  const starting = candidates.filter(({ id }) => verdicts.get(id)?.kind === "starts");
  const reserved = claims.covers([...holders, ...starting].reduce((sum, claimant) => sum + claimant.chargeBytes, 0));
  for (const { entry, desired, observed } of facts) {
    const verdict = verdicts.get(entry.id);
    entry.decision = decide(desired, { ...observed, verdict: reserved ? verdict : unreserved(verdict) }, now);
  }
  return new Set(starting.map(({ id }) => id));
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

/** Another agent of this machine. It holds its memory before all that waits here, and overtakes nothing. */
function holderOfOther({ key, label, bytes }: Other): Holder {
  const claim = { id: workloadId(key), name: label, priority: 0, chargeBytes: bytes, since: 0 };
  return { ...claim, starting: false, unknown: false };
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
