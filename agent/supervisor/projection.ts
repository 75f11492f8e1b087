import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { formatBytes } from "../../api/quantity.ts";
import { describeBudget } from "../../memory/budget.ts";
import type { Decision } from "../decisions/decide.ts";
import { type ModelPaths, projectionFlags } from "../llama-server/flags.ts";
import type { Workload } from "../workload/workload.ts";
import { type LlamaProcess, spawnProcess } from "./process.ts";
import { removeRecord, writeRecord } from "./records.ts";
import { logPathOf, recordsFolder, type StartOptions } from "./start.ts";

const MiB = 2 ** 20;
const TIMEOUT_MS = 60_000;
const POLL_MS = 20;

/** What llama-server says it will reserve, in bytes; null: it did not say. */
export type Projected = number | null;

/**
 * Sum of the rows of `memory breakdown`, each `(self = model + context + compute)` in MiB, once all of them are there:
 * with `-lv 4` and `-fit on` they are printed before a byte of weights is read (llama-memory.md). Undefined: not yet.
 */
export function parseBreakdown(log: string): number | undefined {
  const lines = log.split("\n");
  const head = lines.findIndex((line) => line.includes("| memory breakdown [MiB] |"));
  if (head === -1) return undefined;
  const rest = lines.slice(head + 1, -1);
  const end = rest.findIndex((line) => !/\|\s+- /.test(line));
  if (end === -1) return undefined;
  const rows = rest.slice(0, end).map((line) => /(\d+) =\s+(\d+) \+\s+(\d+) \+\s+(\d+)/.exec(line)?.[1]);
  if (rows.length === 0 || rows.includes(undefined)) return undefined;
  return rows.reduce((sum, self) => sum + Number(self) * MiB, 0);
}

/** Of one workload: the settings it is about, and what was said; no `bytes`: it is being asked. */
export interface Projection {
  readonly key: string;
  readonly bytes?: Projected;
}

/** What a projection means for a workload that could start otherwise; undefined: nothing. */
export function projectionDecision(
  known: Projection | undefined,
  { specHash, budget }: Workload,
): Decision | undefined {
  if (known?.key !== specHash) return undefined;
  const { bytes } = known;
  if (bytes === undefined) {
    return { act: "nothing", state: "Starting", message: "asking llama-server what it will reserve" };
  }
  if (bytes === null || bytes <= budget.bytes) return undefined;
  const message = `llama-server itself projects ${formatBytes(bytes)}, ${describeBudget(budget)}: raise memoryBudget, or lower contextSize or parallelSlots`;
  return { act: "nothing", state: "Failed", reason: "InsufficientMemory", message };
}

/** Parts of an estimate that llama-server's breakdown knows as well: it is about the model alone. */
const PROJECTED_PARTS = ["weights", "kv", "recurrent", "computeDevice", "computeHost", "output"] as const;
/** Above this share the two are worth a person's look, as soon as it is more than rows rounded to whole MiB. */
const DRIFT = 0.05;
const DRIFT_BYTES = 24 * MiB;

/** A sentence where estimate and projection of the same parts differ by more than they should; undefined: they agree. */
export function driftNote(
  projected: Projected | undefined,
  parts: Readonly<Record<string, number>>,
): string | undefined {
  if (projected === undefined || projected === null) return undefined;
  const estimated = PROJECTED_PARTS.reduce((sum, part) => sum + (parts[part] ?? 0), 0);
  const apart = Math.abs(projected - estimated);
  if (apart <= Math.max(DRIFT * estimated, DRIFT_BYTES)) return undefined;
  const [said, counted] = [projected, estimated].map(formatBytes);
  return `estimate and llama-server differ: it projects ${said} where ${counted} were estimated; please report the model`;
}

export interface Projector {
  /** Starts a server that is killed as soon as it has said what it would reserve. Never fails: null, where it cannot be asked. */
  ask(workload: Workload, paths: ModelPaths): Promise<Projected>;
  readonly idle: () => boolean;
  readonly killAll: () => void;
}

type ProjectorOptions = Omit<StartOptions, "ended">;

export function projector(options: ProjectorOptions): Projector {
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
        removeRecord(recordsFolder(options.stateDirectory), workload.name);
        asked.delete(server);
      }
    },
    idle: () => asked.size === 0,
    killAll: () => {
      for (const server of asked) server.signal("SIGKILL");
    },
  };
}

/** Its intent is on disk first, as a server's is: an agent that is killed meanwhile leaves a stray that the next one ends. */
function spawnProjection(
  { name, fields }: Workload,
  args: readonly string[],
  { llamaServer, stateDirectory, platform }: ProjectorOptions,
): LlamaProcess | undefined {
  const logPath = logPathOf(stateDirectory, `${name}.projection`);
  try {
    writeRecord(recordsFolder(stateDirectory), { name, port: fields.port, bootId: platform.bootId, logPath });
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
