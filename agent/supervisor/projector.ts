import { setTimeout as sleep } from "node:timers/promises";
import type { Projected } from "../decisions/projection.ts";
import { kernelLimitBytes } from "../kernel-limit/kernel-limit.ts";
import { parseBreakdown } from "../llama-server/breakdown.ts";
import { type ModelPaths, projectionFlags } from "../llama-server/flags.ts";
import { logHead } from "../server-logs/files.ts";
import { logPathFor, recordsFolder } from "../state/layout.ts";
import type { HeldProcess } from "../watchdog/protocol.ts";
import type { Workload } from "../workload/workload.ts";
import { fileNameOf, type WorkloadId } from "../workload/workload-id.ts";
import { heldTo } from "./holding.ts";
import type { SupervisorOptions } from "./options.ts";
import { type LlamaProcess, spawnProcess } from "./process.ts";
import { removeRecord, writeRecord } from "./records.ts";

const TIMEOUT_MS = 60_000;
const POLL_MS = 20;
/** Below every priority that a workload can have: what is only asked gives way first. */
const PRIORITY = -1;

export interface Answer {
  /** null when llama-server prints no breakdown, or cannot be started. */
  readonly bytes: Projected;
  /** Why it was ended, if it outgrew the budget while it was asked. */
  readonly breach?: string | undefined;
}

/** Asks llama-server how much memory a workload will need. */
export interface Projector {
  /** Starts a llama-server, reads its memory breakdown and kills it before it loads the weights. Takes 60 s at most. */
  ask(workload: Workload, paths: ModelPaths): Promise<Answer>;
  /** Ends the questions about other settings than these hashes: their answer is of no use any more. */
  readonly keepOnly: (specHashes: ReadonlyMap<WorkloadId, string>) => void;
  /** What the watchdog is to hold of them. */
  readonly held: () => readonly HeldProcess[];
  /** The workloads for which such a llama-server runs, one each. */
  readonly asked: () => ReadonlySet<WorkloadId>;
  readonly killAll: () => void;
}

type ProjectorOptions = Pick<
  SupervisorOptions,
  "llamaServer" | "supportedFlags" | "stateDirectory" | "platform" | "kernelLimit" | "watchdog" | "clock"
>;

interface Asked {
  readonly server: LlamaProcess;
  readonly workload: Workload;
  readonly startedAt: number;
}

/** @param hold makes the watchdog hold what runs now */
export function projectorOf(options: ProjectorOptions, hold: () => void): Projector {
  const asked = new Map<LlamaProcess, Asked>();
  return {
    ask: async (workload, paths) => {
      const args = projectionFlags(workload.fields, paths, options.supportedFlags());
      if (args === undefined) return { bytes: null };
      const server = spawnProjection(workload, args, options);
      if (server === undefined) return { bytes: null };
      asked.set(server, { server, workload, startedAt: options.clock() });
      hold();
      try {
        const bytes = await projectionOf(server);
        return { bytes, breach: bytes === null ? breachOf(server, workload, options) : undefined };
      } finally {
        await ended(server);
        asked.delete(server);
        options.kernelLimit?.release(keyOf(workload.id));
        removeRecord(recordsFolder(options.stateDirectory), workload.id);
      }
    },
    keepOnly: (specHashes) => {
      for (const { server, workload } of asked.values()) {
        if (specHashes.get(workload.id) !== workload.specHash) server.signal("SIGKILL");
      }
    },
    held: () => [...asked.values()].flatMap(heldProjection),
    asked: () => new Set([...asked.values()].map(({ workload }) => workload.id)),
    killAll: () => {
      for (const server of asked.keys()) server.signal("SIGKILL");
    },
  };
}

/** Its record and its part of the kernel's limit have this name, beside those of the workload's server. */
function keyOf(id: WorkloadId): string {
  return `${fileNameOf(id)}_projection`;
}

function heldProjection({ server, workload, startedAt }: Asked): readonly HeldProcess[] {
  const { pid } = server;
  if (pid === undefined || server.exit() !== undefined) return [];
  const order = { priority: PRIORITY, startedAt, leaving: false };
  return [{ ...heldTo(workload), key: keyOf(workload.id), pid, logPath: server.logPath, ...order }];
}

/** Writes a record before the spawn: if the agent is killed meanwhile, the next one finds and ends the orphan. */
function spawnProjection(
  { id, name, budget }: Workload,
  args: readonly string[],
  { llamaServer, stateDirectory, platform, kernelLimit }: ProjectorOptions,
): LlamaProcess | undefined {
  const logPath = logPathFor(stateDirectory, keyOf(id));
  const command = { file: llamaServer, args };
  const limitBytes = kernelLimitBytes(budget.bytes);
  try {
    writeRecord(recordsFolder(stateDirectory), { id, name, bootId: platform.bootId, logPath });
    const wrapped = kernelLimit?.wrap(command, limitBytes) ?? command;
    const server = spawnProcess({ ...wrapped, logPath, ended: () => {} });
    if (server.pid !== undefined) kernelLimit?.enclose(keyOf(id), server.pid, limitBytes);
    return server;
  } catch {
    // The state folder cannot be written: the start that follows fails with a message about it.
    return undefined;
  }
}

function breachOf(server: LlamaProcess, { id }: Workload, { watchdog, kernelLimit }: ProjectorOptions) {
  const stop = server.pid === undefined ? undefined : watchdog.sighting(keyOf(id), server.pid)?.stop;
  const how = stop?.message ?? (kernelLimit?.breached(keyOf(id)) ? "killed by the kernel at its limit" : undefined);
  return how === undefined ? undefined : `while llama-server was asked how much memory it needs: ${how}`;
}

async function ended(server: LlamaProcess): Promise<void> {
  server.signal("SIGKILL");
  for (let waited = 0; waited < TIMEOUT_MS && server.exit() === undefined; waited += POLL_MS) await sleep(POLL_MS);
}

async function projectionOf(server: LlamaProcess): Promise<Projected> {
  for (let waited = 0; waited < TIMEOUT_MS; waited += POLL_MS) {
    const ended = server.exit() !== undefined;
    const bytes = parseBreakdown(logHead(server.logPath));
    if (bytes !== undefined) return bytes;
    if (ended) return null;
    await sleep(POLL_MS);
  }
  return null;
}
