import { statSync } from "node:fs";
import type { Ran } from "../boot/held-file.ts";
import { recordsFolder, watchdogPath } from "../state/layout.ts";
import { readHeartbeat } from "../status/status-file.ts";
import { digestOfRun } from "../workload/desired.ts";
import { readRecords, type ServerRecord } from "./records.ts";

/**
 * The servers of which a record of another boot says that they ran when the machine went down: whoever ends in order removes its record.
 * To be called before {@link readRecords}' records are adopted, which removes them, and before this agent writes its status.
 *
 * @param bootId of this boot
 */
export async function ranInAnotherBoot(stateDirectory: string, bootId: string): Promise<readonly Ran[]> {
  const found = readRecords(recordsFolder(stateDirectory));
  const heartbeat = (await readHeartbeat(stateDirectory))?.getTime() ?? 0;
  const seenAt = Math.max(heartbeat, writtenAt(watchdogPath(stateDirectory)));
  return found.flatMap(({ path, record }) => {
    const ran = record?.bootId === bootId ? undefined : record;
    return ran === undefined ? [] : (ranOf(ran, Math.max(seenAt, writtenAt(path))) ?? []);
  });
}

/** What a record says about its server, which was last known to run at `until`; undefined if it only made a projection. */
export function ranOf({ id, name, bootId, pid, served }: ServerRecord, until: number): Ran | undefined {
  if (served === undefined) return undefined;
  const { startedAt, workload } = served;
  const started = startedAt === undefined ? {} : { startedAt: Date.parse(startedAt) };
  return { id, name, wanted: digestOfRun(workload), ran: { bootId, pid, ...started, until: Math.round(until) } };
}

function writtenAt(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}
