import { join } from "node:path";
import type { Platform } from "../host/platform.ts";
import { type KernelLimit, kernelLimitBytes } from "../kernel-limit/kernel-limit.ts";
import { type ModelPaths, serverFlags } from "../llama-server/flags.ts";
import { isPortFree } from "../llama-server/probe.ts";
import type { SupportedFlags } from "../llama-server/supported-flags.ts";
import type { Workload } from "../workload/workload.ts";
import { type LlamaProcess, spawnProcess } from "./process.ts";
import { removeRecord, type ServerRecord, writeRecord } from "./records.ts";

export interface StartOptions {
  readonly llamaServer: string;
  readonly supportedFlags: SupportedFlags;
  readonly stateDirectory: string;
  readonly platform: Platform;
  readonly cap: KernelLimit | undefined;
  readonly ended: () => void;
}

export function recordsFolder(stateDirectory: string): string {
  return join(stateDirectory, "servers");
}

export function logPathOf(stateDirectory: string, name: string): string {
  return join(stateDirectory, "logs", `${name.replace("/", "_")}.log`);
}

/**
 * Starts one server; undefined where its port is taken. The record is on disk before the spawn, has the pid before anything
 * is waited for, and the start time after it: an agent that is killed at any of these steps leaves what the next needs.
 */
export async function startServer(
  workload: Workload,
  paths: ModelPaths,
  estimateBytes: number,
  { llamaServer, supportedFlags, stateDirectory, platform, cap, ended }: StartOptions,
): Promise<LlamaProcess | undefined> {
  const { name, fields } = workload;
  if (!(await isPortFree(fields.port))) return undefined;
  const folder = recordsFolder(stateDirectory);
  const logPath = logPathOf(stateDirectory, name);
  const served = { workload, modelPath: paths.model, estimateBytes, ready: false };
  const intent = { name, port: fields.port, bootId: platform.bootId, logPath, served };
  writeRecord(folder, intent);
  const command = { file: llamaServer, args: serverFlags(fields, paths, supportedFlags) };
  const limitBytes = kernelLimitBytes(workload.budget.bytes);
  const server = spawnProcess({ ...(cap?.wrap(command, limitBytes) ?? command), logPath, ended });
  const { pid } = server;
  if (pid !== undefined) cap?.enclose(name, pid, limitBytes);
  if (pid === undefined) {
    removeRecord(folder, name);
    return server;
  }
  noteProcess(folder, { ...intent, pid });
  const startTime = await platform.startTime(pid);
  if (startTime !== null) noteProcess(folder, { ...intent, pid, startTime });
  return server;
}

/** A process that runs is not lost for want of disk: the intent, and the log that it writes, tell the next agent whose it is. */
function noteProcess(folder: string, record: ServerRecord): void {
  try {
    writeRecord(folder, record);
  } catch {
    // Said above.
  }
}
