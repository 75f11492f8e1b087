import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { Projected } from "../decisions/projection.ts";
import { parseBreakdown } from "../llama-server/breakdown.ts";
import { type ModelPaths, projectionFlags } from "../llama-server/flags.ts";
import { logPathFor, recordsFolder } from "../state/layout.ts";
import type { Workload } from "../workload/workload.ts";
import { fileNameOf } from "../workload/workload-id.ts";
import type { SupervisorOptions } from "./options.ts";
import { type LlamaProcess, spawnProcess } from "./process.ts";
import { removeRecord, writeRecord } from "./records.ts";

const TIMEOUT_MS = 60_000;
const POLL_MS = 20;

export interface Projector {
  /** Starts a server that is killed as soon as it has said what it would reserve. null: it cannot be asked. */
  ask(workload: Workload, paths: ModelPaths): Promise<Projected>;
  readonly idle: () => boolean;
  readonly killAll: () => void;
}

type ProjectorOptions = Pick<SupervisorOptions, "llamaServer" | "supportedFlags" | "stateDirectory" | "platform">;

export function projectorOf(options: ProjectorOptions): Projector {
  const asked = new Set<LlamaProcess>();
  return {
    ask: async (workload, paths) => {
      const args = projectionFlags(workload.fields, paths, options.supportedFlags);
      if (args === undefined) return null;
      const server = spawnProjection(workload, args, options);
      if (server === undefined) return null;
      asked.add(server);
      try {
        return await projectionOf(server);
      } finally {
        server.signal("SIGKILL");
        for (let waited = 0; waited < TIMEOUT_MS && server.exit() === undefined; waited += POLL_MS)
          await sleep(POLL_MS);
        asked.delete(server);
        removeRecord(recordsFolder(options.stateDirectory), workload.id);
      }
    },
    idle: () => asked.size === 0,
    killAll: () => {
      for (const server of asked) server.signal("SIGKILL");
    },
  };
}

/** Its intent is on disk first, as a server's is: an agent that is killed meanwhile leaves an orphan that the next one ends. */
function spawnProjection(
  { id, name }: Workload,
  args: readonly string[],
  { llamaServer, stateDirectory, platform }: ProjectorOptions,
): LlamaProcess | undefined {
  const logPath = logPathFor(stateDirectory, `${fileNameOf(id)}.projection`);
  try {
    writeRecord(recordsFolder(stateDirectory), { id, name, bootId: platform.bootId, logPath });
    return spawnProcess({ file: llamaServer, args, logPath, ended: () => {} });
  } catch {
    // A full disk: the start that follows says so.
    return undefined;
  }
}

async function projectionOf(server: LlamaProcess): Promise<Projected> {
  for (let waited = 0; waited < TIMEOUT_MS; waited += POLL_MS) {
    const ended = server.exit() !== undefined;
    const bytes = parseBreakdown(textOf(server.logPath));
    if (bytes !== undefined) return bytes;
    if (ended) return null;
    await sleep(POLL_MS);
  }
  return null;
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
