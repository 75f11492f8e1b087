import { setImmediate as immediate } from "node:timers/promises";
import { plainTexts } from "../../api/plain-text.ts";
import type { Pressure } from "../decisions/pressure.ts";
import type { Unload, WorkloadStatus } from "../status/status.ts";
import { nameOfDesired } from "../workload/desired.ts";
import { type Preparation, type Preparer, preparer } from "../workload/prepare.ts";
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
import { type KeyFiles, keyFiles } from "./key-files.ts";
import { noteUse } from "./last-use.ts";
import { followLoads } from "./loads.ts";
import { observe } from "./observe.ts";
import type { AdoptedServer, SupervisorOptions, Wanted } from "./options.ts";
import { prepareEntry } from "./prepare-entry.ts";
import { pressureMonitor } from "./pressure-monitor.ts";
import type { Probing } from "./probing.ts";
import { forgetOldProjection } from "./projected.ts";
import { type Projector, projectorOf } from "./projector.ts";
import { followCache } from "./prompt-cache.ts";
import { decideAll } from "./round.ts";
import { type Serving, servingOf } from "./serving.ts";
import { keepSlotsOf } from "./slots.ts";
import { statusOf } from "./status.ts";
import { unloadLog } from "./unloads.ts";

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
  /** The workloads that should run, as a gateway needs them. As of this moment, not of the last tick. */
  readonly serving: () => readonly Serving[];
  /** The last models that were unloaded for others, or because nobody used them; the latest first. */
  readonly unloads: () => readonly Unload[];
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
  const unloads = unloadLog();
  let lastWanted: Wanted["workloads"] = new Map();
  const supervising = { ...options, keys };
  const holdOf = (id: WorkloadId) => options.unclear?.holdOf(id) ?? options.heldBack?.holdOf(id);
  return {
    tick: async (wanted) => {
      // What the watchdog has sent arrives first: the reason of an exit, before the exit is looked at.
      await immediate();
      options.watchdog.beat();
      takeIn(options.unclear?.adopted() ?? []);
      addNew(entries, wanted);
      lastWanted = wanted.workloads;
      followHeldBack(entries.values(), wanted, options);
      projector.keepOnly(hashesToRun(wanted));
      const all = [...entries.values()].sort(byName);
      const desiredOf = (entry: Entry) => wanted.workloads.get(entry.id);
      await forEachIsolated(all, "observe", async (entry) => {
        follow(entry, desiredOf(entry), options);
        observe(entry, supervising);
        followLoads(entry);
        noteUse(entry, options);
      });
      await monitor.sample(options.clock());
      const preparations = await prepareAll(all, wanted, { needs, projector, supervising });
      const { allocatable, claims, clock, gateway } = options;
      const now = clock();
      const { pressure } = monitor;
      const machine = { allocatable, claims, pressure: pressure(), watchdogTrouble: options.watchdog.trouble() };
      const shared = { ...machine, wanted, preparations, asked: projector.asked(), keys, gateway, now };
      const starting = decideAll(all, { ...shared, holdOf });
      unloads.note(all);
      await forEachIsolated(all, "act", async (entry) => {
        const desired = desiredOf(entry);
        const workload = desired?.kind === "run" ? desired.workload : undefined;
        await act(entry, { workload, preparation: preparations.get(entry.id) }, projector, supervising, hold);
      });
      hold();
      const gone = all.filter(({ decision }) => decision.act === "forget");
      for (const { id } of gone) entries.delete(id);
      needs.keepOnly(new Set(entries.keys()));
      keepSlotsOf(wanted, options);
      // Till then the claim of the agent before this one stands: to say less would give away what its servers hold.
      if (!all.some(isUnmeasured)) claims.hold(claimedOf([...entries.values()], starting));
      const demands = { demandOf: gateway?.demandOf, slotsOf: options.savedSlots?.counts, now };
      const statuses = (those: readonly Entry[]) =>
        plainTexts(those.map((entry) => statusOf(entry, desiredOf(entry), demands)));
      return { workloads: statuses(all.filter((entry) => !gone.includes(entry))), terminated: statuses(gone) };
    },
    ...views({ entries, options, projector, keys, unloads, monitor, wanted: () => lastWanted }),
  };
}

/** Looks at what each start needs. What should not run needs nothing. */
interface Preparing {
  readonly needs: Preparer;
  readonly projector: Projector;
  readonly supervising: SupervisorOptions & Probing;
}

async function prepareAll(
  all: readonly Entry[],
  { workloads }: Wanted,
  { needs, projector, supervising }: Preparing,
): Promise<ReadonlyMap<WorkloadId, Preparation>> {
  const preparations = new Map<WorkloadId, Preparation>();
  await forEachIsolated(all, "prepare", async (entry) => {
    const desired = workloads.get(entry.id);
    const preparation = prepareEntry(entry, desired, needs, supervising.clock());
    forgetOldProjection(entry, desired, supervising);
    followCache(entry, { desired, preparation, all, projector }, supervising);
    if (preparation !== undefined) preparations.set(entry.id, preparation);
  });
  return preparations;
}

interface Viewed {
  readonly entries: ReadonlyMap<WorkloadId, Entry>;
  readonly options: SupervisorOptions;
  readonly projector: Projector;
  readonly keys: KeyFiles;
  readonly unloads: ReturnType<typeof unloadLog>;
  readonly monitor: ReturnType<typeof pressureMonitor>;
  /** As of the last tick. */
  readonly wanted: () => Wanted["workloads"];
}

/** All but the tick. */
function views({ entries, options, projector, keys, unloads, monitor, wanted }: Viewed): Omit<Supervisor, "tick"> {
  return {
    idle: () => portsInUse(entries).size === 0 && projector.asked().size === 0,
    running: () => portsInUse(entries),
    servers: () => serversOf(entries),
    serving: () => [...entries.values()].flatMap((entry) => servingOf(entry, wanted().get(entry.id), keys)),
    unloads: unloads.latest,
    pressure: monitor.pressure,
    problems: () => [...keys.problems(), ...(options.savedSlots?.problems() ?? [])],
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
