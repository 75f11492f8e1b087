import { decide } from "../decisions/decide.ts";
import { cooldownLeftMs, evictedAgain, evictedMessage, victimOf } from "../decisions/eviction.ts";
import { exceededMessage, exceeds } from "../decisions/footprint.ts";
import type { Pressure } from "../decisions/pressure.ts";
import { kernelLimitBytes } from "../kernel-limit/kernel-limit.ts";
import type { WorkloadStatus } from "../status/status.ts";
import type { Desired } from "../workload/desired.ts";
import { type Preparation, prepare } from "../workload/prepare.ts";
import type { Workload } from "../workload/workload.ts";
import type { AdoptedServer } from "./adoption.ts";
import { chargeBytes, type Entry, newEntry, type Running, statusOf } from "./entry.ts";
import { observe } from "./observe.ts";
import type { SupervisorOptions, Wanted } from "./options.ts";
import { pressureMonitor } from "./pressure-monitor.ts";
import { projectionDecision, projector } from "./projection.ts";
import { evictable, startNext } from "./starts.ts";

export interface Supervisor {
  /** Looks, decides and acts once; the statuses after it, by name. One call at a time. */
  tick(wanted: Wanted): Promise<readonly WorkloadStatus[]>;
  /** Whether any process of ours is left. */
  readonly idle: () => boolean;
  /** Names of the workloads that have a process. */
  readonly running: () => ReadonlySet<string>;
  /** Of those adopted, the ones that were not among what is wanted yet: for them absence may be ignorance. */
  readonly unconfirmed: () => ReadonlyMap<string, Workload>;
  /** Of the machine, as it was at the last tick. */
  readonly pressure: () => Pressure;
  /** SIGKILL to everything at once, for a way out that cannot wait. */
  readonly killAll: () => void;
}

export function supervisor(options: SupervisorOptions): Supervisor {
  const entries = new Map(options.adopted.map((server) => [server.workload.name, adopted(server, options)]));
  const host = pressureMonitor(options.platform);
  const projections = projector(options);
  return {
    tick: async (wanted) => {
      for (const name of wanted.keys()) if (!entries.has(name)) entries.set(name, newEntry(name));
      await Promise.all([...entries.values()].map((entry) => observe(entry, wanted.get(entry.name), options)));
      await host.sample(options.clock());
      const pressure = host.pressure();
      const victim = victimOf(
        pressure,
        [...entries.values()].flatMap((entry) => evictable(entry, wanted)),
      );
      const preparations = new Map<string, Preparation>();
      for (const entry of entries.values()) {
        const preparation = step(entry, wanted.get(entry.name), pressure, victim, options);
        if (preparation !== undefined) preparations.set(entry.name, preparation);
        if (entry.decision.act === "forget") entries.delete(entry.name);
      }
      await startNext(entries, wanted, preparations, pressure, projections, options);
      const shown = [...entries.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
      return shown.map((entry) => statusOf(entry, wanted.get(entry.name)));
    },
    idle: () => runningNames(entries).size === 0 && projections.idle(),
    running: () => runningNames(entries),
    pressure: host.pressure,
    unconfirmed: () =>
      new Map(
        [...entries.values()].flatMap(({ name, running }) =>
          running?.adopted === undefined ? [] : [[name, running.workload]],
        ),
      ),
    killAll: () => {
      for (const { running } of entries.values()) running?.server.signal("SIGKILL");
      projections.killAll();
    },
  };
}

function runningNames(entries: ReadonlyMap<string, Entry>): ReadonlySet<string> {
  return new Set([...entries.values()].filter(({ running }) => running !== undefined).map(({ name }) => name));
}

function adopted(
  { server, workload, modelPath, estimateBytes, ready }: AdoptedServer,
  options: SupervisorOptions,
): Entry {
  const limitBytes = options.cap && kernelLimitBytes(workload.budget.bytes);
  if (server.pid !== undefined && limitBytes !== undefined) options.cap?.enclose(workload.name, server.pid, limitBytes);
  const { specHash } = workload;
  const adopted = { adopted: true, wasReady: ready } as const;
  const running = { server, workload, modelPath, specHash, startedAt: options.clock(), limitBytes, ...adopted };
  return { ...newEntry(workload.name), starts: 1, estimateBytes, running };
}

/** Decides on one workload and does everything but a start. */
function step(
  entry: Entry,
  desired: Desired | undefined,
  pressure: Pressure,
  victim: string | undefined,
  options: SupervisorOptions,
): Preparation | undefined {
  const now = options.clock();
  forgiveChanged(entry, desired);
  const { running } = entry;
  const workload = desired?.kind === "run" ? desired.workload : undefined;
  // The very workload that was adopted only says that nothing is known against it.
  if (running !== undefined && workload !== undefined && workload !== running.workload) running.adopted = undefined;
  const preparation = workload && prepare(workload, options.resources);
  if (running === undefined) entry.estimateBytes = entry.estimateParts = undefined;
  if (preparation !== undefined && "estimateBytes" in preparation) {
    entry.estimateBytes = preparation.estimateBytes;
    entry.estimateParts = preparation.estimateParts;
  }
  const exceeded =
    workload !== undefined && exceeds(entry.watch) ? exceededMessage(entry.watch, workload.budget) : undefined;
  const evict = victim === entry.name ? evictedMessage(chargeBytes(entry)) : undefined;
  const calm = entry.eviction && cooldownLeftMs(entry.eviction, pressure, now);
  const observed = { server: running, exceeded, evict, cooldownLeftMs: calm, backOff: entry.backOff, preparation };
  const decision = decide(desired, observed, now);
  const queued = decision.act === "queue" && workload !== undefined;
  entry.decision = (queued ? projectionDecision(entry.projection, workload) : undefined) ?? decision;
  if (entry.decision.act === "stop" && entry.decision.reason === "Evicted") {
    entry.eviction = evictedAgain(entry.eviction, now);
  }
  entry.queuedAt = entry.decision.act === "queue" ? (entry.queuedAt ?? now) : undefined;
  if (running !== undefined) carryOut(entry, running, now);
  return preparation;
}

/** A person who changes what is wanted has answered the last failure: its back-off no longer holds. */
function forgiveChanged(entry: Entry, desired: Desired | undefined): void {
  const wantedHash =
    desired?.kind === "run" ? `${desired.workload.specHash} ${desired.workload.budget.bytes}` : (desired?.kind ?? "");
  const changed = wantedHash !== entry.wantedHash;
  entry.wantedHash = wantedHash;
  if (!changed || entry.running !== undefined) return;
  entry.backOff = undefined;
  entry.failures = 0;
  entry.breaches = [];
}

function carryOut({ decision, wantedHash }: Entry, running: Running, now: number): void {
  const { act, reason = "Stopped", message = "" } = decision;
  if (act === "stop") {
    running.stoppedHash = wantedHash;
    running.stopping = { at: now, reason, message, killed: false };
    running.server.signal("SIGTERM");
  } else if (act === "kill" && running.stopping !== undefined) {
    running.stopping = { ...running.stopping, killed: true };
    running.server.signal("SIGKILL");
  }
}
