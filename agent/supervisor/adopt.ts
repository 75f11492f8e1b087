import { rmSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { adoptionOf } from "../decisions/adoption.ts";
import type { Platform } from "../host/platform.ts";
import { kernelLimitBytes } from "../kernel-limit/kernel-limit.ts";
import type { Background } from "../lifecycle/background.ts";
import { logPathFor, recordsFolder } from "../state/layout.ts";
import { removeStaleTempFiles } from "../state/stale-temp-files.ts";
import { DEFAULT_GRACE_PERIOD_MS } from "../workload/workload.ts";
import { fileNameOf } from "../workload/workload-id.ts";
import { type Entry, newEntry } from "./entry.ts";
import type { AdoptedServer, SupervisorOptions } from "./options.ts";
import { adoptProcess, signalGroup } from "./process.ts";
import { type FoundRecord, readRecords, recordName } from "./records.ts";

/** Takes one sentence about each server. */
export interface AdoptionLog {
  info(message: string): void;
  warn(message: string): void;
}

interface Adopting {
  readonly stateDirectory: string;
  readonly platform: Platform;
  readonly background: Background;
  readonly log: AdoptionLog;
  /** Called when an adopted server has ended. */
  readonly ended: () => void;
}

/** Takes over what an agent before this one left in the state folder, and says of each server what became of it. */
export async function adoptAll(adopting: Adopting): Promise<readonly AdoptedServer[]> {
  const { stateDirectory, log } = adopting;
  const folder = recordsFolder(stateDirectory);
  const found = readRecords(folder);
  removeStaleTempFiles(folder);
  const taken = await Promise.all(found.map((record) => takeOver(record, adopting)));
  for (const { name, adopted, ended } of taken) {
    if (adopted !== undefined)
      log.info(`${name}: goes on with the server of an earlier agent, pid ${adopted.process.pid}`);
    else if (ended) log.warn(`${name}: ended what an earlier agent left behind`);
  }
  return taken.flatMap(({ adopted }) => adopted ?? []);
}

interface Taken {
  readonly name: string;
  readonly adopted?: AdoptedServer;
  readonly ended: boolean;
}

/**
 * A record of another version of the agent, or one that is damaged, tells at least who writes its log: such a server cannot be judged,
 * so it is ended, and started anew where it is wanted. It is never left to run unwatched.
 */
async function takeOver(found: FoundRecord, adopting: Adopting): Promise<Taken> {
  const { platform, background, ended, stateDirectory } = adopting;
  const { record } = found;
  const name = record?.name ?? recordName(found);
  const { bootId, logPath, pid, startTime } = found.identity ?? unidentified(found, stateDirectory, platform);
  const sameBoot = bootId === platform.bootId;
  const traces = {
    sameBoot,
    writers: sameBoot ? await platform.writersOf(logPath) : [],
    startTime: pid === undefined ? null : await platform.startTime(pid),
  };
  const { adopt, end } = adoptionOf({ pid, startTime, adoptable: record?.served !== undefined }, traces);
  const since = adopt === undefined ? null : await platform.startTime(adopt);
  if (adopt !== undefined && since !== null && record?.served !== undefined) {
    const process = adoptProcess({ pid: adopt, startTime: since, logPath, platform, background, ended });
    const taken = { ...record, pid: adopt, startTime: since };
    return { name, adopted: { process, record: taken, served: record.served }, ended: false };
  }
  const gone = await Promise.all(end.map((one) => endProcess(one, platform)));
  // A record outlives a process that even SIGKILL does not end: the next agent looks again.
  if (gone.every(Boolean)) rmSync(found.path, { force: true });
  return { name, ended: end.length > 0 };
}

/** Of a record that cannot be read: the log that has its name is given to its server alone. */
function unidentified(found: FoundRecord, stateDirectory: string, { bootId }: Platform) {
  const logPath = logPathFor(stateDirectory, recordName(found));
  return { bootId, logPath, pid: undefined, startTime: undefined };
}

const POLL_MS = 100;

/** SIGTERM, and SIGKILL after the grace period; whether it is gone. */
async function endProcess(pid: number, platform: Platform): Promise<boolean> {
  const startTime = await platform.startTime(pid);
  const isGone = async () => startTime === null || (await platform.startTime(pid)) !== startTime;
  for (const signal of ["SIGTERM", "SIGKILL"] as const) {
    if (await isGone()) return true;
    signalGroup(pid, signal);
    for (let waited = 0; waited < DEFAULT_GRACE_PERIOD_MS && !(await isGone()); waited += POLL_MS) await sleep(POLL_MS);
  }
  return isGone();
}

/** What the supervisor knows of an adopted server: it is judged by what was in force under the agent before. */
export function adoptedEntry(
  { process, record, served }: AdoptedServer,
  { kernelLimit, clock }: Pick<SupervisorOptions, "kernelLimit" | "clock">,
): Entry {
  const { workload, specHash, fields, modelPath, estimateBytes, ready } = served;
  const limitBytes = kernelLimit && kernelLimitBytes(workload.budget.bytes);
  if (process.pid !== undefined && limitBytes !== undefined) {
    kernelLimit?.enclose(fileNameOf(record.id), process.pid, limitBytes);
  }
  const entry = newEntry(record.id, record.name);
  entry.starts = 1;
  entry.need = { estimateBytes };
  entry.running = {
    phase: "starting",
    ...{ specHash, startedAt: clock(), confirmed: false, process, inForce: workload, record, recorded: true },
    started: { fields, modelPath },
    limitBytes,
    probing: false,
    answeredBefore: ready,
  };
  return entry;
}
