import { setImmediate as immediate } from "node:timers/promises";
import { plainTexts } from "../../api/plain-text.ts";
import type { Pressure } from "../decisions/pressure.ts";
import type { WorkloadStatus } from "../status/status.ts";
import { nameOfDesired } from "../workload/desired.ts";
import { type Preparation, preparer } from "../workload/prepare.ts";
import type { WorkloadId } from "../workload/workload-id.ts";
import { act } from "./act.ts";
import { adoptedEntry } from "./adopt.ts";
import { claimedOf } from "./claimed.ts";
import { dumpOf, type EntryDump } from "./dump.ts";
import { type Entry, type Fault, isUnmeasured, newEntry } from "./entry.ts";
import type { LeftServer } from "./farewell.ts";
import { follow } from "./follow.ts";
import { followHeldBack } from "./held-back.ts";
import { holdingOf } from "./holding.ts";
import { keyFiles } from "./key-files.ts";
import { observe } from "./observe.ts";
import type { AdoptedServer, SupervisorOptions, Wanted } from "./options.ts";
import { prepareEntry } from "./prepare-entry.ts";
import { pressureMonitor } from "./pressure-monitor.ts";
import { forgetOldProjection } from "./projected.ts";
import { projectorOf } from "./projector.ts";
import { followCache } from "./prompt-cache.ts";
import { decideAll } from "./round.ts";
import { statusOf } from "./status.ts";

/** The result of one tick. */
export interface Outcome {
  /** Sorted by name, then by id. */
  readonly workloads: readonly WorkloadStatus[];
  /** Last status of the workloads that are gone. They appear in no later outcome. */
  readonly terminated: readonly WorkloadStatus[];
}

/** Owns the llama-server processes of this host. */
export interface Supervisor {
  /** Observes, decides and acts once. Calls must not overlap. */
  tick(wanted: Wanted): Promise<Outcome>;
  /** Whether none of its processes is left. */
  readonly idle: () => boolean;
  /** Workloads that have a process, and the port of each. */
  readonly running: () => ReadonlyMap<WorkloadId, number>;
  /** The servers that run, for a person: two pods of one service have one name. */
  readonly servers: () => readonly LeftServer[];
  /** Memory pressure of the machine as of the last tick. */
  readonly pressure: () => Pressure;
  /** What a person should fix that concerns no single workload, as sentences. */
  readonly problems: () => readonly string[];
  /** Everything that the supervisor holds in memory, for debugging. */
  readonly dump: () => readonly EntryDump[];
  /** Ends the questions to llama-server that are under way: nobody would wait for their answer. */
  readonly endProjections: () => void;
  /** Sends SIGKILL to all processes at once, for a person who cannot wait for the grace periods. */
  readonly killAll: () => void;
}

export function supervisor(options: SupervisorOptions): Supervisor {
  const entries = new Map<WorkloadId, Entry>();
  const takeIn = (those: readonly AdoptedServer[]) => {
    for (const adopted of those) entries.set(adopted.record.id, adoptedEntry(adopted, options));
  };
  takeIn(options.adopted);
  const monitor = pressureMonitor(options.platform);
  const projector = projectorOf(options, () => hold());
  const hold = () => options.watchdog.hold(holdingOf(entries.values(), projector.held(), options.claims.shareBytes()));
  hold();
  const needs = preparer(options.models);
  const keys = keyFiles(options);
  const supervising = { ...options, keys };
  const holdOf = (id: WorkloadId) => options.unclear?.holdOf(id) ?? options.heldBack?.holdOf(id);
  return {
    tick: async (wanted) => {
      // What the watchdog has sent arrives first: the reason of an exit, before the exit is looked at.
      await immediate();
      options.watchdog.beat();
      takeIn(options.unclear?.adopted() ?? []);
      addNew(entries, wanted);
      followHeldBack(entries.values(), wanted, options);
      projector.keepOnly(hashesToRun(wanted));
      const all = [...entries.values()].sort(byName);
      const desiredOf = (entry: Entry) => wanted.workloads.get(entry.id);
      await forEachIsolated(all, "observe", async (entry) => {
        follow(entry, desiredOf(entry), options);
        observe(entry, supervising);
      });
      await monitor.sample(options.clock());
      const preparations = new Map<WorkloadId, Preparation>();
      await forEachIsolated(all, "prepare", async (entry) => {
        const preparation = prepareEntry(entry, desiredOf(entry), needs, options.clock());
        forgetOldProjection(entry, desiredOf(entry), options);
        followCache(entry, { desired: desiredOf(entry), preparation, all, projector }, supervising);
        if (preparation !== undefined) preparations.set(entry.id, preparation);
      });
      const { allocatable, claims, clock } = options;
      const now = clock();
      const asked = projector.asked();
      const pressure = monitor.pressure();
      const watchdogTrouble = options.watchdog.trouble();
      const shared = { wanted, preparations, pressure, asked, keys, allocatable, claims, watchdogTrouble, now };
      const starting = decideAll(all, { ...shared, holdOf });
      await forEachIsolated(all, "act", async (entry) => {
        const desired = desiredOf(entry);
        const workload = desired?.kind === "run" ? desired.workload : undefined;
        await act(entry, { workload, preparation: preparations.get(entry.id) }, projector, supervising, hold);
      });
      hold();
      const gone = all.filter(({ decision }) => decision.act === "forget");
      for (const { id } of gone) entries.delete(id);
      needs.keepOnly(new Set(entries.keys()));
      // Till then the claim of the agent before this one stands: to say less would give away what its servers hold.
      if (!all.some(isUnmeasured)) claims.hold(claimedOf([...entries.values()], starting));
      const statuses = (those: readonly Entry[]) => plainTexts(those.map((entry) => statusOf(entry, desiredOf(entry))));
      return { workloads: statuses(all.filter((entry) => !gone.includes(entry))), terminated: statuses(gone) };
    },
    idle: () => portsInUse(entries).size === 0 && projector.asked().size === 0,
    running: () => portsInUse(entries),
    servers: () => serversOf(entries),
    pressure: monitor.pressure,
    problems: keys.problems,
    dump: () => [...entries.values()].map((entry) => dumpOf(entry, options.clock())),
    endProjections: projector.killAll,
    killAll: () => {
      for (const { running } of entries.values()) running?.process.signal("SIGKILL");
      projector.killAll();
    },
  };
}

function addNew(entries: Map<WorkloadId, Entry>, { workloads }: Wanted): void {
  for (const [id, desired] of workloads) {
    if (!entries.has(id)) entries.set(id, newEntry(id, nameOfDesired(desired)));
  }
}

function hashesToRun({ workloads }: Wanted): ReadonlyMap<WorkloadId, string> {
  const hashes = new Map<WorkloadId, string>();
  for (const [id, desired] of workloads) if (desired.kind === "run") hashes.set(id, desired.workload.specHash);
  return hashes;
}

function byName(one: Entry, other: Entry): number {
  if (one.name !== other.name) return one.name < other.name ? -1 : 1;
  return one.id < other.id ? -1 : 1;
}

function portsInUse(entries: ReadonlyMap<WorkloadId, Entry>): ReadonlyMap<WorkloadId, number> {
  return new Map(
    [...entries.values()].flatMap(({ id, running }) =>
      running === undefined ? [] : [[id, running.started.fields.port]],
    ),
  );
}

function serversOf(entries: ReadonlyMap<WorkloadId, Entry>): readonly LeftServer[] {
  return [...entries.values()].flatMap(({ name, running }) =>
    running === undefined ? [] : [{ name, gracePeriodMs: running.inForce.gracePeriodMs }],
  );
}

/** Runs `work` for all entries. An exception becomes the fault of its own entry, shown in its status, and stops no other. */
async function forEachIsolated(
  entries: readonly Entry[],
  step: Fault["step"],
  work: (entry: Entry) => Promise<void>,
): Promise<void> {
  const one = async (entry: Entry) => {
    try {
      await work(entry);
      if (entry.fault?.step === step) entry.fault = undefined;
    } catch (error) {
      entry.fault = { step, message: error instanceof Error ? error.message : String(error) };
    }
  };
  await Promise.all(entries.map(one));
}
