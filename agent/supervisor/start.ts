import { join } from "node:path";
import { serverFlags } from "../flags.ts";
import type { Platform } from "../platform/platform.ts";
import type { Workload } from "../workload.ts";
import { isPortFree } from "./probe.ts";
import { removeRecord, writeRecord } from "./records.ts";
import { type Server, spawnServer } from "./server.ts";

export interface StartOptions {
  readonly llamaServer: string;
  readonly stateDirectory: string;
  readonly platform: Platform;
  readonly ended: () => void;
}

export function recordsFolder(stateDirectory: string): string {
  return join(stateDirectory, "servers");
}

/** Starts one server; undefined where its port is taken. The record is on disk before the spawn and complete after it. */
export async function startServer(
  workload: Workload,
  modelPath: string,
  { llamaServer, stateDirectory, platform, ended }: StartOptions,
): Promise<Server | undefined> {
  const { name, fields } = workload;
  if (!(await isPortFree(fields.port))) return undefined;
  const folder = recordsFolder(stateDirectory);
  const intent = { name, port: fields.port, bootId: platform.bootId };
  writeRecord(folder, intent);
  const server = spawnServer({
    file: llamaServer,
    args: serverFlags(fields, modelPath),
    logPath: join(stateDirectory, "logs", `${name.replace("/", "_")}.log`),
    ended,
  });
  if (server.pid === undefined) {
    removeRecord(folder, name);
    return server;
  }
  const startTime = await platform.startTime(server.pid);
  if (startTime !== null) writeRecord(folder, { ...intent, pid: server.pid, startTime });
  return server;
}
