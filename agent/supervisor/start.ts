import { kernelLimitBytes } from "../kernel-limit/kernel-limit.ts";
import { type ModelPaths, serverFlags } from "../llama-server/flags.ts";
import { isPortFree } from "../llama-server/probe.ts";
import { logPathOf, recordsFolder } from "../state/layout.ts";
import type { Workload } from "../workload/workload.ts";
import { fileNameOf } from "../workload/workload-id.ts";
import type { SupervisorOptions } from "./options.ts";
import { spawnProcess } from "./process.ts";
import { removeRecord, type ServerRecord, writeRecord } from "./records.ts";
import type { Running } from "./running.ts";

/**
 * Starts one server; undefined where its port is taken. The record is on disk before the spawn, has the pid before anything
 * is waited for, and the start time after it: an agent that is killed at any of these steps leaves what the next needs. Throws where
 * the state folder cannot be written.
 */
export async function startServer(
  workload: Workload,
  paths: ModelPaths,
  estimateBytes: number,
  options: SupervisorOptions,
): Promise<Running | undefined> {
  const { llamaServer, supportedFlags, stateDirectory, platform, kernelLimit, clock, wake } = options;
  const { id, name, fields, specHash } = workload;
  if (!(await isPortFree(fields.port))) return undefined;
  const folder = recordsFolder(stateDirectory);
  const logPath = logPathOf(stateDirectory, id);
  const served = { workload, specHash, fields, modelPath: paths.model, estimateBytes, ready: false };
  let record: ServerRecord = { id, name, bootId: platform.bootId, logPath, served };
  writeRecord(folder, record);
  const command = { file: llamaServer, args: serverFlags(fields, paths, supportedFlags) };
  const limitBytes = kernelLimitBytes(workload.budget.bytes);
  const process = spawnProcess({ ...(kernelLimit?.wrap(command, limitBytes) ?? command), logPath, ended: wake });
  const { pid } = process;
  let recorded = true;
  if (pid === undefined) removeRecord(folder, id);
  else {
    kernelLimit?.enclose(fileNameOf(id), pid, limitBytes);
    record = { ...record, pid };
    recorded = noteProcess(folder, record);
    const startTime = await platform.startTime(pid);
    if (startTime !== null) {
      record = { ...record, startTime };
      recorded = noteProcess(folder, record);
    }
  }
  return {
    phase: "starting",
    ...{ specHash, startedAt: clock(), confirmed: true, process, inForce: workload, record, recorded },
    started: { fields, modelPath: paths.model },
    limitBytes: kernelLimit && limitBytes,
    probing: false,
    answeredBefore: false,
  };
}

/** A process that runs is not lost for want of disk: the intent, and the log that it writes, tell the next agent whose it is. */
function noteProcess(folder: string, record: ServerRecord): boolean {
  try {
    writeRecord(folder, record);
    return true;
  } catch {
    return false;
  }
}
