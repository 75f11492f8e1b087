import { type CacheSize, CHECKPOINTS } from "../../memory/prompt-cache.ts";
import { kernelLimitBytes } from "../kernel-limit/kernel-limit.ts";
import { type ModelPaths, serverFlags } from "../llama-server/flags.ts";
import { isPortFree } from "../llama-server/probe.ts";
import { logPathOf, recordsFolder } from "../state/layout.ts";
import type { Workload } from "../workload/workload.ts";
import { fileNameOf } from "../workload/workload-id.ts";
import type { Entry } from "./entry.ts";
import { saveRecord } from "./follow.ts";
import type { SupervisorOptions } from "./options.ts";
import { type LlamaProcess, spawnProcess } from "./process.ts";
import { removeRecord, type Served, type ServerRecord, writeRecord } from "./records.ts";
import type { Running } from "./running.ts";
import type { StartedSlots } from "./slot-work.ts";

/** What a server is started with, beside its workload. */
export interface Launch {
  readonly paths: ModelPaths;
  readonly charged: Charged;
  readonly slots: StartedSlots | undefined;
}

/** What a start was charged with; the next agent charges the same. */
export type Charged = Pick<Served, "estimateBytes" | "projectedBytes" | "promptCache">;

/**
 * Starts one server. Undefined if its port is taken. Throws if the state folder cannot be written.
 *
 * The record is written before the spawn, then with the pid, then with the start time ({@link identify}). An agent that is killed
 * at any of these steps leaves enough for the next one to find the process.
 */
export async function spawnServer(
  workload: Workload,
  { paths, charged, slots }: Launch,
  options: SupervisorOptions,
): Promise<Running | undefined> {
  const { llamaServer, supportedFlags, stateDirectory, platform, kernelLimit, clock, wake } = options;
  const { id, name, fields, specHash } = workload;
  const { promptCache } = charged;
  if (!(await isPortFree(fields.host, fields.port))) return undefined;
  const folder = recordsFolder(stateDirectory);
  const logPath = logPathOf(stateDirectory, id);
  const served = {
    workload,
    specHash,
    fields,
    modelPath: paths.model,
    ...charged,
    ready: false,
    startedAt: new Date().toISOString(),
  };
  let record: ServerRecord = { id, name, bootId: platform.bootId, logPath, served };
  writeRecord(folder, record);
  const withCache = {
    ...paths,
    ...(promptCache && cacheFlags(promptCache)),
    ...(slots && { slotSavePath: slots.folder }),
  };
  const command = { file: llamaServer, args: serverFlags(fields, withCache, supportedFlags()) };
  const limitBytes = kernelLimitBytes(workload.budget.bytes);
  const process = spawnProcess({ ...(kernelLimit?.wrap(command, limitBytes) ?? command), logPath, ended: wake });
  const { pid } = process;
  let recorded = true;
  if (pid === undefined) removeRecord(folder, id);
  else {
    kernelLimit?.enclose(fileNameOf(id), pid, limitBytes);
    record = { ...record, pid };
    recorded = tryWriteRecord(folder, record);
  }
  return {
    phase: "starting",
    ...{ specHash, startedAt: clock(), confirmed: true, process, inForce: workload, record, recorded },
    started: { fields, modelPath: paths.model, promptCache, slots },
    limitBytes: kernelLimit && limitBytes,
    probing: false,
  };
}

function cacheFlags({ sizeMiB, checkpointBytes = 0 }: CacheSize): Pick<ModelPaths, "promptCacheMiB" | "checkpoints"> {
  return { promptCacheMiB: sizeMiB, ...(checkpointBytes > 0 && { checkpoints: CHECKPOINTS }) };
}

/** Adds the start time of its process to the record of an entry. */
export async function identify(entry: Entry, process: LlamaProcess, options: SupervisorOptions): Promise<void> {
  const startTime = process.pid === undefined ? undefined : await options.platform.startTime(process.pid);
  const { running } = entry;
  if (typeof startTime !== "string" || running?.process !== process) return;
  entry.running = saveRecord({ ...running, record: { ...running.record, startTime } }, options);
}

/** Whether the record was written. If not, the first record and the log that the process writes still lead the next agent to it. */
function tryWriteRecord(folder: string, record: ServerRecord): boolean {
  try {
    writeRecord(folder, record);
    return true;
  } catch {
    return false;
  }
}
