import type { Background } from "../background.ts";
import type { Platform } from "../host/platform.ts";
import { removeStaleTempFiles } from "../state/stale-temp-files.ts";
import type { Workload } from "../workload/workload.ts";
import { adoptProcess, type LlamaProcess } from "./process.ts";
import { endProcess, readRecords, removeRecord, type ServerRecord } from "./records.ts";

/** What was found out about the processes that a record may be about. */
export interface Traces {
  readonly sameBoot: boolean;
  /** The start time of the process that has the record's pid now; null: there is none. */
  readonly startTime: string | null;
  /** Pids of the processes that write the record's log file: given to nobody else. */
  readonly writers: readonly number[];
}

/** `adopt`: the process is ours and goes on; all of `end` are ours too, and must go. */
export interface Adoption {
  readonly adopt?: number;
  readonly end: readonly number[];
}

/**
 * What to do about a record that an earlier agent left. Ours are only a process whose pid, start time and boot are the
 * record's, and processes that write its log: anybody else may have the pid by now. One of them is adopted, where the record
 * says what it serves; of a server that forked, the one that was spawned.
 */
export function adoptionOf(record: ServerRecord, { sameBoot, startTime, writers }: Traces): Adoption {
  if (!sameBoot) return { end: [] };
  const { pid } = record;
  const known = pid !== undefined && startTime !== null && (record.startTime === startTime || writers.includes(pid));
  const ours = known ? [pid, ...writers.filter((writer) => writer !== pid)] : writers;
  const [first] = ours;
  const adoptable = record.served !== undefined && first !== undefined && (known || pid === undefined);
  return adoptable ? { adopt: first, end: [] } : { end: ours };
}

/** A server that goes on under this agent. */
export interface AdoptedServer {
  readonly server: LlamaProcess;
  readonly workload: Workload;
  readonly modelPath: string;
  readonly estimateBytes: number;
  /** It had answered before. */
  readonly ready: boolean;
}

export interface AdoptionOutcome {
  readonly adopted: readonly AdoptedServer[];
  /** Names of the workloads of which processes were ended. */
  readonly ended: readonly string[];
}

/** Takes over what an agent before this one left in `folder`; `ended` is called when an adopted server has gone. */
export async function adoptAll(
  folder: string,
  platform: Platform,
  background: Background,
  ended: () => void,
): Promise<AdoptionOutcome> {
  const records = readRecords(folder);
  removeStaleTempFiles(folder);
  const taken = await Promise.all(records.map((record) => takeOver(folder, record, platform, background, ended)));
  return {
    adopted: taken.flatMap(({ adopted }) => adopted ?? []),
    ended: taken.flatMap(({ name, ended: gone }) => (gone ? [name] : [])),
  };
}

async function takeOver(
  folder: string,
  record: ServerRecord,
  platform: Platform,
  background: Background,
  ended: () => void,
) {
  const { name, logPath, pid, served } = record;
  const sameBoot = record.bootId === platform.bootId;
  const writers = sameBoot ? await platform.writersOf(logPath) : [];
  const startTime = pid === undefined ? null : await platform.startTime(pid);
  const { adopt, end } = adoptionOf(record, { sameBoot, startTime, writers });
  const since = adopt === undefined ? null : await platform.startTime(adopt);
  if (adopt !== undefined && since !== null && served !== undefined) {
    const server = adoptProcess({ pid: adopt, startTime: since, logPath, platform, background, ended });
    return { name, adopted: { server, ...served }, ended: false };
  }
  const gone = await Promise.all(end.map((process) => endProcess(process, platform)));
  // A record outlives a process that even SIGKILL does not end: the next agent looks again.
  if (gone.every(Boolean)) removeRecord(folder, name);
  return { name, ended: end.length > 0 };
}
