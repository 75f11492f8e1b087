import type { Entry } from "./entry.ts";

/** What the supervisor holds about one workload, as JSON. Times are milliseconds before now; future times are negative. */
export type EntryDump = Readonly<Record<string, unknown>>;

export function dumpOf(entry: Entry, now: number): EntryDump {
  const { running, backOff, eviction, queuedAt, breaches, failedAt, footprint, cacheLook, drainsSince, ...plain } =
    entry;
  return {
    ...plain,
    footprint: {
      ...footprint,
      sampledAt: ago(footprint.sampledAt, now),
      flatSince: ago(footprint.flatSince, now),
    },
    breaches: breaches.map((at) => ago(at, now)),
    failedAt: failedAt.map((at) => ago(at, now)),
    queuedAt: ago(queuedAt, now),
    drainsSince: ago(drainsSince, now),
    backOff: backOff && { ...backOff, until: ago(backOff.until, now) },
    eviction: eviction && { ...eviction, at: ago(eviction.at, now) },
    cacheLook: cacheLook && { busy: cacheLook.busy, at: ago(cacheLook.at, now) },
    running: running && runningDump(running, now),
  };
}

function runningDump(running: NonNullable<Entry["running"]>, now: number): EntryDump {
  const { process, record, startedAt, inForce, started, checkedAt, workAtSilence, answering, restoredSlots, ...plain } =
    running;
  const { startTime, bootId, logPath } = record;
  return {
    ...plain,
    restoredSlots: restoredSlots && Object.fromEntries(restoredSlots),
    startedAt: ago(startedAt, now),
    checkedAt: ago(checkedAt, now),
    answering: answering && {
      ...answering,
      dueAt: ago(answering.dueAt, now),
      wokeAt: ago(answering.wokeAt, now),
    },
    workAtSilence: workAtSilence && { ...workAtSilence, at: ago(workAtSilence.at, now) },
    ...("readyAt" in running ? { readyAt: ago(running.readyAt, now) } : {}),
    ...(running.phase === "stopping" ? { stop: { ...running.stop, at: ago(running.stop.at, now) } } : {}),
    process: { pid: process.pid, startTime, bootId, logPath, exit: process.exit() ?? null },
    started: { port: started.fields.port, modelPath: started.modelPath, promptCache: started.promptCache },
    inForce: { budget: inForce.budget, priority: inForce.priority, specHash: inForce.specHash },
  };
}

/** Milliseconds between `at` and `now`; "never" for Infinity, which JSON does not have. */
function ago(at: number | undefined, now: number): number | string | undefined {
  if (at === undefined) return undefined;
  return Number.isFinite(at) ? Math.round(now - at) : "never";
}
