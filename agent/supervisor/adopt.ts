import { rmSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { errorText } from "../../api/error-code.ts";
import { adoptionOf } from "../decisions/adoption.ts";
import type { Platform } from "../host/platform.ts";
import { signalGroup } from "../host/signal-group.ts";
import { sameStart } from "../host/start-time.ts";
import { kernelLimitBytes } from "../kernel-limit/kernel-limit.ts";
import type { Background } from "../lifecycle/background.ts";
import { logPathFor, recordsFolder } from "../state/layout.ts";
import { removeStaleTempFiles } from "../state/stale-temp-files.ts";
import { DEFAULT_GRACE_PERIOD_MS, type Workload } from "../workload/workload.ts";
import { fileNameOf } from "../workload/workload-id.ts";
import { type Entry, newEntry } from "./entry.ts";
import { unusedMs } from "./last-use.ts";
import type { AdoptedServer, SupervisorOptions } from "./options.ts";
import { adoptProcess } from "./process.ts";
import { type FoundRecord, readRecords, recordName } from "./records.ts";

/** Gets one sentence about each server. */
export interface AdoptionLog {
  info(message: string): void;
  warn(message: string): void;
}

export interface Adopting {
  readonly stateDirectory: string;
  readonly platform: Platform;
  readonly background: Background;
  readonly log: AdoptionLog;
  /** Called when an adopted server has exited. */
  readonly ended: () => void;
  /** Called with all that is adopted so far, so that it is watched while orphans are still being ended, which may take long. */
  readonly hold?: (adopted: readonly AdoptedServer[]) => void;
  /** Gets each record that cannot be handled now: its server may still run. */
  readonly unclear?: (found: FoundRecord) => void;
}

/** Adopts the servers that an earlier agent left running, ends orphans that cannot be adopted, and logs one line about each. */
export async function adoptAll(adopting: Adopting): Promise<readonly AdoptedServer[]> {
  const { stateDirectory, log, hold, unclear } = adopting;
  const folder = recordsFolder(stateDirectory);
  const found = readRecords(folder);
  removeStaleTempFiles(folder);
  const adoptedSoFar: AdoptedServer[] = [];
  const held = (one: TakenOver) => {
    if (one.adopted === undefined) return one;
    adoptedSoFar.push(one.adopted);
    hold?.(adoptedSoFar);
    return one;
  };
  const taken = await Promise.all(
    found.map((one) =>
      takeOver(one, adopting)
        .then(held)
        .catch(failedTakeOver(one, log, unclear)),
    ),
  );
  for (const one of taken) tellOf(one, log);
  return taken.flatMap(({ adopted }) => adopted ?? []);
}

/** Says what was done about a record. */
export function tellOf({ name, adopted, ended }: TakenOver, log: AdoptionLog): void {
  if (adopted !== undefined)
    log.info(`${name}: adopted the running llama-server of an earlier agent (pid ${adopted.process.pid})`);
  else if (ended) log.warn(`${name}: ended the orphaned llama-server of an earlier agent`);
}

/** One record that cannot be handled must not keep the agent from the others. */
function failedTakeOver(
  found: FoundRecord,
  log: AdoptionLog,
  unclear: Adopting["unclear"],
): (error: unknown) => TakenOver {
  return (error) => {
    unclear?.(found);
    const name = found.record?.name ?? recordName(found);
    log.warn(`${name}: its record ${found.path} cannot be handled (${errorText(error)}): look at it, and remove it`);
    return { name, ended: false };
  };
}

export interface TakenOver {
  readonly name: string;
  readonly adopted?: AdoptedServer;
  /** Whether an orphan was ended. */
  readonly ended: boolean;
}

/**
 * A record that is damaged, or was written by another version of the agent, still leads to the process that writes its log. Such a
 * server cannot be held to a budget, so it is ended rather than left to run unwatched; if it is still wanted, it starts again. Throws
 * where it cannot be told whether the process runs, and where it does not end: the record stays.
 */
export async function takeOver(found: FoundRecord, adopting: Adopting): Promise<TakenOver> {
  const { platform, background, ended, stateDirectory } = adopting;
  const { record } = found;
  const name = record?.name ?? recordName(found);
  const { bootId, logPath, pid, startTime } = found.identity ?? identityByLog(found, stateDirectory, platform);
  const sameBoot = bootId === platform.bootId;
  const traces = {
    sameBoot,
    writers: sameBoot ? await platform.writersOf(logPath) : [],
    startTime: pid === undefined || !sameBoot ? null : await certainStartTime(pid, platform),
  };
  const adoption = adoptionOf({ pid, startTime, adoptable: record?.served !== undefined }, traces);
  if (adoption === "unknown") throw new Error("whether its server still runs cannot be read");
  const { adopt, end } = adoption;
  const since = adopt === undefined ? null : await certainStartTime(adopt, platform);
  if (adopt !== undefined && since !== null && record?.served !== undefined) {
    const process = adoptProcess({ pid: adopt, startTime: since, logPath, platform, background, ended });
    const taken = { ...record, pid: adopt, startTime: since };
    return { name, adopted: { process, record: taken, served: record.served }, ended: false };
  }
  const gone = await Promise.all(end.map((one) => endProcess(one, platform)));
  const left = end.filter((_pid, index) => !gone[index]);
  if (left.length > 0) throw new Error(`its llama-server (pid ${left.join(", ")}) does not end`);
  rmSync(found.path, { force: true });
  return { name, ended: end.length > 0 };
}

/** The identity for a record that cannot be read: only its server writes the log of that name. */
function identityByLog(found: FoundRecord, stateDirectory: string, { bootId }: Platform) {
  const logPath = logPathFor(stateDirectory, recordName(found));
  return { bootId, logPath, pid: undefined, startTime: undefined };
}

const POLL_MS = 100;
const MOST_LOOKS = 50;

/** Throws where it cannot be read for 5 s: nothing is adopted, ended or forgotten on a guess. */
async function certainStartTime(pid: number, platform: Platform): Promise<string | null> {
  for (let looks = 0; looks < MOST_LOOKS; looks += 1) {
    const startTime = await platform.startTime(pid);
    if (startTime !== undefined) return startTime;
    await sleep(POLL_MS);
  }
  throw new Error(`whether pid ${pid} still runs cannot be read`);
}

/** Sends SIGTERM, and SIGKILL after the grace period. Returns whether the process is gone. */
async function endProcess(pid: number, platform: Platform): Promise<boolean> {
  const startTime = await certainStartTime(pid, platform);
  const isGone = async () => {
    const now = await platform.startTime(pid);
    if (startTime === null || now === null) return true;
    return now !== undefined && sameStart(now, startTime) === false;
  };
  for (const signal of ["SIGTERM", "SIGKILL"] as const) {
    if (await isGone()) return true;
    signalGroup(pid, signal);
    for (let waited = 0; waited < DEFAULT_GRACE_PERIOD_MS && !(await isGone()); waited += POLL_MS) await sleep(POLL_MS);
  }
  return isGone();
}

/** Records of agents that knew no gateway lack it. */
const BEFORE_GATEWAYS: Pick<Workload, "onDemand"> = {
  onDemand: { idleUnloadMs: undefined, aliases: [], promptCache: "off" },
};

/**
 * The entry of an adopted server. Until the source names the workload, the budget and settings of its record are in force. One that was
 * Ready still is: it may be busy with an answer that is longer than any patience for a first one.
 */
export function adoptedEntry(
  { process, record, served }: AdoptedServer,
  { kernelLimit, clock }: Pick<SupervisorOptions, "kernelLimit" | "clock">,
): Entry {
  const { workload, specHash, fields, modelPath, estimateBytes, projectedBytes, ready, keys, promptCache } = served;
  const limitBytes = kernelLimit && kernelLimitBytes(workload.budget.bytes);
  if (process.pid !== undefined && limitBytes !== undefined) {
    kernelLimit?.enclose(fileNameOf(record.id), process.pid, limitBytes);
  }
  const entry = newEntry(record.id, record.name);
  entry.starts = 1;
  entry.need = { estimateBytes };
  if (projectedBytes !== undefined) entry.projection = { specHash, bytes: projectedBytes };
  const now = clock();
  // Its idle time goes on.
  const readyAt = now - unusedMs(served);
  entry.running = {
    ...(ready ? ({ phase: "ready", readyAt, failedChecks: 0 } as const) : ({ phase: "starting" } as const)),
    ...{
      specHash,
      startedAt: now,
      confirmed: false,
      process,
      inForce: { ...BEFORE_GATEWAYS, ...workload },
      record,
      recorded: true,
    },
    started: { fields, modelPath, promptCache },
    limitBytes,
    keys,
    probing: false,
  };
  return entry;
}
