import { admit, type Holder } from "../admission.ts";
import { calmLeftMs, type Evictable, evictedAgain, evictedMessage, victimOf } from "../enforcement/eviction.ts";
import { capBytes, type KernelCap } from "../enforcement/kernel-cap.ts";
import { type Pressure, pressureWait } from "../enforcement/pressure.ts";
import { exceededMessage, exceeds, isSampleDue, UNWATCHED, watched } from "../enforcement/watchdog.ts";
import type { ModelPaths } from "../flags.ts";
import type { Platform } from "../platform/platform.ts";
import { type Preparation, prepare, type Resources } from "../prepare.ts";
import type { ServerOptions } from "../server-options.ts";
import type { WorkloadStatus } from "../status-file.ts";
import type { Desired, Workload } from "../workload.ts";
import type { AdoptedServer } from "./adoption.ts";
import { backOffMs, breachBackOff, breachesAfter, failuresAfter } from "./back-off.ts";
import { cappedMessage, followBudget } from "./cap.ts";
import { decide } from "./decide.ts";
import { chargeBytes, type Entry, newEntry, type Running, statusOf } from "./entry.ts";
import { type Exit, exitReason, logTail } from "./exit-reason.ts";
import { hostWatch } from "./host.ts";
import { bounded } from "./logs.ts";
import { answers, isHealthy } from "./probe.ts";
import { type Projector, projectionDecision, projector } from "./projection.ts";
import { markReady, removeRecord } from "./records.ts";
import { recordsFolder, startServer } from "./start.ts";

export interface SupervisorOptions {
  readonly platform: Platform;
  /** What all workloads together may be charged with, in bytes. */
  readonly allocatableBytes: number;
  readonly llamaServer: string;
  readonly serverOptions: ServerOptions;
  readonly stateDirectory: string;
  readonly resources: Resources;
  /** What stands behind the watchdog; undefined: nothing here. */
  readonly cap: KernelCap | undefined;
  /** Servers that an agent before this one left running. */
  readonly inherited: readonly AdoptedServer[];
  /** Milliseconds that never go back. */
  readonly clock: () => number;
  /** Called when a tick is worth more than waiting for the next one. */
  readonly wake: () => void;
}

export type Wanted = ReadonlyMap<string, Desired>;

export interface Supervisor {
  /** Looks, decides and acts once; the statuses after it, by name. One call at a time. */
  tick(wanted: Wanted): Promise<readonly WorkloadStatus[]>;
  /** Whether any process of ours is left. */
  readonly idle: () => boolean;
  /** Names of the workloads that have a process. */
  readonly running: () => ReadonlySet<string>;
  /** Of those inherited, the ones that were not among what is wanted yet: for them absence may be ignorance. */
  readonly unconfirmed: () => ReadonlyMap<string, Workload>;
  /** SIGKILL to everything at once, for a way out that cannot wait. */
  readonly killAll: () => void;
}

export function supervisor(options: SupervisorOptions): Supervisor {
  const entries = new Map(options.inherited.map((server) => [server.workload.name, adopted(server, options)]));
  const host = hostWatch(options.platform);
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
    unconfirmed: () =>
      new Map(
        [...entries.values()].flatMap(({ name, running }) =>
          running?.inherited === undefined ? [] : [[name, running.workload]],
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
  const limitBytes = options.cap && capBytes(workload.budget.bytes);
  if (server.pid !== undefined && limitBytes !== undefined) options.cap?.enclose(workload.name, server.pid, limitBytes);
  const { startKey } = workload;
  const inherited = ready ? "ready" : "unready";
  const running = { server, workload, modelPath, startKey, startedAt: options.clock(), limitBytes, inherited } as const;
  return { ...newEntry(workload.name), starts: 1, estimateBytes, running };
}

/** Exits, one sample of memory, and whether a server answers: yet, or still. */
async function observe(entry: Entry, desired: Desired | undefined, options: SupervisorOptions): Promise<void> {
  const { running } = entry;
  if (running === undefined) return;
  const exit = running.server.exit();
  if (exit !== undefined) return settle(entry, running, exit, options);
  await measure(entry, running, desired, options);
  if (running.stopping !== undefined || running.probing) return;
  if (running.readyAt === undefined) void probe(running, options);
  else if (options.clock() - (running.checkedAt ?? running.readyAt) >= CHECK_MS) void check(running, options);
}

/** Between two checks of a server that is Ready. */
const CHECK_MS = 10_000;

async function measure(
  entry: Entry,
  running: Running,
  desired: Desired | undefined,
  { platform, cap, clock }: SupervisorOptions,
): Promise<void> {
  const { server, workload } = running;
  const now = clock();
  if (!isSampleDue(entry.watch, now)) return;
  const sample = server.pid === undefined ? null : await platform.footprintBytes(server.pid);
  // A process that ended while it was measured is no process that cannot be measured.
  if (server.exit() !== undefined) return;
  const { budget } = desired?.kind === "run" ? desired.workload : workload;
  entry.watch = watched(entry.watch, sample, budget.bytes, now);
  if (cap !== undefined) followBudget(running, budget.bytes, entry.watch, cap);
}

async function probe(running: Running, { clock, wake, stateDirectory }: SupervisorOptions): Promise<void> {
  running.probing = true;
  const { modelPath, workload, inherited } = running;
  const expected = { ...workload.fields, modelPath };
  // One that was Ready under an earlier agent may be busy with answers that are longer than any patience for a first one.
  const answered = inherited === "ready" ? await isHealthy(expected) : await answers(expected);
  running.probing = false;
  if (!answered || running.server.exit() !== undefined) return;
  running.readyAt = clock();
  markReady(recordsFolder(stateDirectory), workload.name);
  wake();
}

async function check(running: Running, { clock, wake }: SupervisorOptions): Promise<void> {
  running.probing = true;
  const healthy = await isHealthy({ ...running.workload.fields, modelPath: running.modelPath });
  running.probing = false;
  running.checkedAt = clock();
  running.unhealthy = healthy ? 0 : (running.unhealthy ?? 0) + 1;
  bounded(running.server.logPath);
  if (!healthy) wake();
}

/** What a server's end means for its workload. */
function settle(entry: Entry, running: Running, exit: Exit, { cap, clock, stateDirectory }: SupervisorOptions): void {
  const now = clock();
  const capped = running.stopping === undefined ? cappedMessage(running, exit, entry.watch, cap) : undefined;
  cap?.release(entry.name);
  entry.running = undefined;
  entry.watch = UNWATCHED;
  removeRecord(recordsFolder(stateDirectory), entry.name);
  const { stopping } = running;
  if (stopping !== undefined && (!FAILURES.has(stopping.reason) || running.stoppedWish !== entry.wish)) return;
  const breach = capped ?? (stopping?.reason === "BudgetExceeded" ? stopping.message : undefined);
  if (breach !== undefined) {
    entry.breaches = breachesAfter(entry.breaches, now);
    entry.backOff = breachBackOff(entry.breaches, breach, now);
    return;
  }
  entry.failures = failuresAfter(entry.failures, running.readyAt, now);
  const why = stopping ?? exitReason(exit, logTail(running.server.logPath));
  const until = now + backOffMs("crash", entry.failures);
  entry.backOff = { state: "BackOff", reason: why.reason, message: why.message, until };
}

/** Reasons to stop a server that are its own fault. */
const FAILURES: ReadonlySet<string> = new Set(["BudgetExceeded", "StartTimeout", "Unhealthy"]);

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
  // The very workload that was inherited only says that nothing is known against it.
  if (running !== undefined && workload !== undefined && workload !== running.workload) running.inherited = undefined;
  const preparation = workload && prepare(workload, options.resources);
  if (running === undefined) entry.estimateBytes = entry.estimateParts = undefined;
  if (preparation !== undefined && "estimateBytes" in preparation) {
    entry.estimateBytes = preparation.estimateBytes;
    entry.estimateParts = preparation.estimateParts;
  }
  const exceeded =
    workload !== undefined && exceeds(entry.watch) ? exceededMessage(entry.watch, workload.budget) : undefined;
  const evict = victim === entry.name ? evictedMessage(chargeBytes(entry)) : undefined;
  const calm = entry.eviction && calmLeftMs(entry.eviction, pressure, now);
  const observed = { server: running, exceeded, evict, calmLeftMs: calm, backOff: entry.backOff, preparation };
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
  const wish =
    desired?.kind === "run" ? `${desired.workload.startKey} ${desired.workload.budget.bytes}` : (desired?.kind ?? "");
  const changed = wish !== entry.wish;
  entry.wish = wish;
  if (!changed || entry.running !== undefined) return;
  entry.backOff = undefined;
  entry.failures = 0;
  entry.breaches = [];
}

function carryOut({ decision, wish }: Entry, running: Running, now: number): void {
  const { act, reason = "Stopped", message = "" } = decision;
  if (act === "stop") {
    running.stoppedWish = wish;
    running.stopping = { at: now, reason, message, killed: false };
    running.server.signal("SIGTERM");
  } else if (act === "kill" && running.stopping !== undefined) {
    running.stopping = { ...running.stopping, killed: true };
    running.server.signal("SIGKILL");
  }
}

async function startNext(
  entries: ReadonlyMap<string, Entry>,
  wanted: Wanted,
  preparations: ReadonlyMap<string, Preparation>,
  pressure: Pressure,
  projections: Projector,
  options: SupervisorOptions,
): Promise<void> {
  const all = [...entries.values()];
  const queued = all.filter(({ decision }) => decision.act === "queue");
  const admission = admit(
    queued.map((entry) => ({ ...claimOf(entry, wanted), since: entry.queuedAt ?? 0 })),
    all.flatMap((entry) => (entry.running === undefined ? [] : holder(entry, entry.running, wanted))),
    options.allocatableBytes,
    pressureWait(pressure) ?? (projections.idle() ? undefined : "waits until llama-server has said what another needs"),
  );
  for (const entry of queued) {
    const refusal = admission.refused.get(entry.name);
    const wait = admission.waiting.get(entry.name);
    if (refusal !== undefined) {
      entry.decision = { act: "nothing", state: "Failed", reason: "InsufficientMemory", message: refusal };
    } else if (wait !== undefined) {
      entry.decision = { act: "nothing", state: "Waiting", reason: "WaitingForMemory", message: wait };
    }
  }
  const next = admission.start === undefined ? undefined : entries.get(admission.start);
  const desired = next && wanted.get(next.name);
  const preparation = next && preparations.get(next.name);
  if (!next || desired?.kind !== "run" || preparation?.stage !== "ready") return;
  const { workload } = desired;
  if (next.projection?.key === workload.startKey) await start(next, workload, preparation.paths, options);
  else void askProjection(next, workload, preparation.paths, projections, options);
}

/** Without the tick waiting for it: servers that run are watched meanwhile. */
async function askProjection(
  entry: Entry,
  workload: Workload,
  paths: ModelPaths,
  projections: Projector,
  { wake }: SupervisorOptions,
): Promise<void> {
  const key = workload.startKey;
  entry.projection = { key };
  entry.decision = projectionDecision(entry.projection, workload) ?? entry.decision;
  entry.projection = { key, bytes: await projections.ask(workload, paths) };
  wake();
}

function claimOf(entry: Entry, wanted: Wanted) {
  const desired = wanted.get(entry.name);
  const priority = desired?.kind === "run" ? desired.workload.priority : 0;
  return { name: entry.name, priority, chargeBytes: chargeBytes(entry) };
}

function evictable(entry: Entry, wanted: Wanted): readonly Evictable[] {
  const { running } = entry;
  if (running === undefined) return [];
  const desired = wanted.get(entry.name);
  const workload = desired?.kind === "run" ? desired.workload : running.workload;
  const leaving = running.stopping !== undefined || desired?.kind !== "run";
  const { evictionProtection, budget } = workload;
  const claim = { ...claimOf(entry, wanted), budgetBytes: budget.bytes, startedAt: running.startedAt };
  return [{ ...claim, protected: evictionProtection, leaving }];
}

function holder(entry: Entry, { readyAt, stopping, startedAt }: Running, wanted: Wanted): Holder {
  return {
    ...claimOf(entry, wanted),
    since: startedAt,
    starting: readyAt === undefined && stopping === undefined,
    unknown: entry.watch.unknown,
  };
}

async function start(entry: Entry, workload: Workload, paths: ModelPaths, options: SupervisorOptions): Promise<void> {
  const { clock, wake } = options;
  const server = await startServer(workload, paths, entry.estimateBytes ?? 0, { ...options, ended: wake });
  const now = clock();
  if (server === undefined) {
    entry.failures += 1;
    const { port } = workload.fields;
    const owner = (await options.platform.listenerOn(port)) ?? "another process";
    const message = `port ${port} is in use by ${owner}: end it, or set another spec.endpoint.port`;
    const until = now + backOffMs("crash", Math.min(entry.failures, 5));
    entry.backOff = { state: "Failed", reason: "PortInUse", message, until };
    entry.decision = { act: "nothing", state: "Failed", reason: "PortInUse", message };
    return;
  }
  entry.starts += 1;
  entry.watch = UNWATCHED;
  const limitBytes = options.cap && capBytes(workload.budget.bytes);
  const { startKey } = workload;
  entry.running = { server, workload, modelPath: paths.model, startKey, startedAt: now, limitBytes };
  entry.decision = { act: "nothing", state: "Starting" };
}
