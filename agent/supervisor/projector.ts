import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { Projected } from "../decisions/projection.ts";
import { parseBreakdown } from "../llama-server/breakdown.ts";
import { type ModelPaths, projectionFlags } from "../llama-server/flags.ts";
import { logPathFor, recordsFolder } from "../state/layout.ts";
import type { Workload } from "../workload/workload.ts";
import { fileNameOf, type WorkloadId } from "../workload/workload-id.ts";
import type { SupervisorOptions } from "./options.ts";
import { type LlamaProcess, spawnProcess } from "./process.ts";
import { removeRecord, writeRecord } from "./records.ts";

const TIMEOUT_MS = 60_000;
const POLL_MS = 20;

/** Asks llama-server how much memory a workload will need. */
export interface Projector {
  /**
   * Starts a llama-server, reads its memory breakdown and kills it before it loads the weights. Takes 60 s at most. null when it
   * prints no breakdown or cannot be started.
   */
  ask(workload: Workload, paths: ModelPaths): Promise<Projected>;
  /** Ends the questions about other settings than these hashes: their answer is of no use any more. */
  readonly keepOnly: (specHashes: ReadonlyMap<WorkloadId, string>) => void;
  /** The workloads for which such a llama-server runs, one each. */
  readonly asked: () => ReadonlySet<WorkloadId>;
  readonly killAll: () => void;
}

type ProjectorOptions = Pick<SupervisorOptions, "llamaServer" | "supportedFlags" | "stateDirectory" | "platform">;

export function projectorOf(options: ProjectorOptions): Projector {
  const asked = new Map<LlamaProcess, Workload>();
  return {
    ask: async (workload, paths) => {
      const args = projectionFlags(workload.fields, paths, options.supportedFlags);
      if (args === undefined) return null;
      const server = spawnProjection(workload, args, options);
      if (server === undefined) return null;
      asked.set(server, workload);
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
    keepOnly: (specHashes) => {
      for (const [server, { id, specHash }] of asked) if (specHashes.get(id) !== specHash) server.signal("SIGKILL");
    },
    asked: () => new Set([...asked.values()].map(({ id }) => id)),
    killAll: () => {
      for (const server of asked.keys()) server.signal("SIGKILL");
    },
  };
}

/** Writes a record before the spawn: if the agent is killed meanwhile, the next one finds and ends the orphan. */
function spawnProjection(
  { id, name }: Workload,
  args: readonly string[],
  { llamaServer, stateDirectory, platform }: ProjectorOptions,
): LlamaProcess | undefined {
  const logPath = logPathFor(stateDirectory, `${fileNameOf(id)}_projection`);
  try {
    writeRecord(recordsFolder(stateDirectory), { id, name, bootId: platform.bootId, logPath });
    return spawnProcess({ file: llamaServer, args, logPath, ended: () => {} });
  } catch {
    // The state folder cannot be written: the start that follows fails with a message about it.
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
