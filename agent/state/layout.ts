import { join } from "node:path";
import { fileNameOf, type WorkloadId } from "../workload/workload-id.ts";

/** Where the records of servers are, one file a workload. */
export function recordsFolder(stateDirectory: string): string {
  return join(stateDirectory, "servers");
}

export function recordPath(folder: string, id: WorkloadId): string {
  return join(folder, `${fileNameOf(id)}.json`);
}

/** What the current server of a workload prints; `.1` to `.3` behind it: what the ones before it printed. */
export function logPathOf(stateDirectory: string, id: WorkloadId): string {
  return logPathFor(stateDirectory, fileNameOf(id));
}

/** The log that goes with a record, by the name of the record's file without its ending. */
export function logPathFor(stateDirectory: string, fileName: string): string {
  return join(stateDirectory, "logs", `${fileName}.log`);
}
