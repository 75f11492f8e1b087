import type { Projected } from "../decisions/projection.ts";
import { kernelLimitBytes } from "../kernel-limit/kernel-limit.ts";
import { type ModelPaths, projectionFlags } from "../llama-server/flags.ts";
import { withoutVocabulary } from "../llama-server/without-vocabulary.ts";
import { logPathFor, projectionsPath, recordsFolder } from "../state/layout.ts";
import type { HeldProcess } from "../watchdog/protocol.ts";
import type { Workload } from "../workload/workload.ts";
import { fileNameOf, type WorkloadId } from "../workload/workload-id.ts";
import { askProjection } from "./asking.ts";
import { heldTo } from "./holding.ts";
import { keptProjections, projectionKey } from "./kept-projections.ts";
import type { SupervisorOptions } from "./options.ts";
import type { LlamaProcess } from "./process.ts";
import { removeRecord, type ServerRecord, writeRecord } from "./records.ts";

/** Below every priority that a workload can have: what is only asked gives way first. */
const PRIORITY = -1;

export interface Told {
  readonly bytes: Projected;
  /** Why llama-server gave no answer, as part of a sentence. */
  readonly why?: string | undefined;
  /** It took too long. */
  readonly late?: true | undefined;
  /** Why it was ended, if it outgrew the budget while it was asked. */
  readonly breach?: string | undefined;
}

/** Asks llama-server how much memory a workload will need. */
export interface Projector {
  /**
   * The answer that was kept for the same binary, files and flags; else starts a llama-server, reads its memory breakdown and kills it
   * before it loads the weights (`askProjection`).
   */
  ask(workload: Workload, paths: ModelPaths): Promise<Told>;
  /** Ends the questions about other settings than these hashes: their answer is of no use any more. */
  readonly keepOnly: (specHashes: ReadonlyMap<WorkloadId, string>) => void;
  /** What the watchdog is to hold of them. */
  readonly held: () => readonly HeldProcess[];
  /** The workloads that are asked about: for each of them one such llama-server runs, or is about to. */
  readonly asked: () => ReadonlySet<WorkloadId>;
  readonly killAll: () => void;
}

type ProjectorOptions = { readonly models: Pick<SupervisorOptions["models"], "header"> } & Pick<
  SupervisorOptions,
  | "llamaServer"
  | "supportedFlags"
  | "serverStamp"
  | "stateDirectory"
  | "platform"
  | "kernelLimit"
  | "watchdog"
  | "clock"
  | "background"
>;

interface Asked {
  readonly server: LlamaProcess;
  readonly workload: Workload;
  readonly startedAt: number;
  startTime?: string;
}

/** What is asked about one workload. */
interface Asking {
  readonly workload: Workload;
  /** Nobody waits for the answer any more. */
  over: boolean;
}

const UNASKED = "it knows no --fit and --log-verbosity: update llama.cpp";

/** @param hold makes the watchdog hold what runs now */
export function projectorOf(options: ProjectorOptions, hold: () => void): Projector {
  const asked = new Map<LlamaProcess, Asked>();
  const underWay = new Set<Asking>();
  const kept = keptProjections(projectionsPath(options.stateDirectory));
  const endThose = (ends: (workload: Workload) => boolean) => {
    for (const one of underWay) one.over ||= ends(one.workload);
    for (const { server, workload } of asked.values()) if (ends(workload)) server.signal("SIGKILL");
  };
  return {
    ask: async (workload, paths) => {
      const supported = options.supportedFlags();
      const args = projectionFlags(workload.fields, paths, supported);
      if (args === undefined) return { bytes: null, why: UNASKED };
      const asking = { workload, over: false };
      underWay.add(asking);
      try {
        const key = await projectionKey(options.serverStamp?.(), paths, args);
        const known = key === undefined ? undefined : kept.of(key);
        if (known !== undefined) return { bytes: known };
        const told = await askEither(asking, paths, args, { asked, hold, options });
        if (key !== undefined && told.bytes !== null) kept.keep(key, told.bytes);
        return told;
      } finally {
        underWay.delete(asking);
      }
    },
    keepOnly: (specHashes) => endThose(({ id, specHash }) => specHashes.get(id) !== specHash),
    held: () => [...asked.values()].flatMap(heldProjection),
    asked: () => new Set([...underWay].map(({ workload }) => workload.id)),
    killAll: () => endThose(() => true),
  };
}

/** Asks without the vocabulary, and with it where that gave no answer. A draft model's vocabulary would have to fit to it. */
async function askEither(asking: Asking, paths: ModelPaths, args: readonly string[], holder: Holder): Promise<Told> {
  const { models, supportedFlags } = holder.options;
  const view = models.header(paths.model);
  const quick =
    view.state === "read" && view.header.ok && paths.draft === undefined
      ? withoutVocabulary(view.header.value, supportedFlags())
      : [];
  const tables = paths.draft === undefined ? 1 : 2;
  const first = await askHeld(asking, { args: [...args, ...quick], tables }, holder);
  const final = first.bytes !== null || first.late || first.breach !== undefined || quick.length === 0;
  return final ? first : askHeld(asking, { args, tables }, holder);
}

/** Its record and its part of the kernel's limit have this name, beside those of the workload's server. */
function keyOf(id: WorkloadId): string {
  return `${fileNameOf(id)}_projection`;
}

function heldProjection({ server, workload, startedAt, startTime }: Asked): readonly HeldProcess[] {
  const { pid } = server;
  if (pid === undefined || server.exit() !== undefined) return [];
  const order = { priority: PRIORITY, startedAt, leaving: false };
  return [{ ...heldTo(workload), key: keyOf(workload.id), pid, startTime, logPath: server.logPath, ...order }];
}

interface Holder {
  readonly asked: Map<LlamaProcess, Asked>;
  readonly hold: () => void;
  readonly options: ProjectorOptions;
}

/**
 * Asks under the laws of every server: the kernel's limit, the watchdog, and a record that is written before the spawn, with the pid after
 * it, and then with the start time. If the agent is killed meanwhile, the next one finds and ends the orphan.
 */
async function askHeld(
  { workload, over }: Asking,
  { args, tables }: { readonly args: readonly string[]; readonly tables: number },
  { asked, hold, options }: Holder,
): Promise<Told> {
  if (over) return { bytes: null, why: "nobody waits for it any more" };
  const { llamaServer, stateDirectory, platform, kernelLimit, clock, background } = options;
  const { id, name, budget } = workload;
  const folder = recordsFolder(stateDirectory);
  const logPath = logPathFor(stateDirectory, keyOf(id));
  const limitBytes = kernelLimitBytes(budget.bytes);
  const record: ServerRecord = { id, name, bootId: platform.bootId, logPath };
  const command = kernelLimit?.wrap({ file: llamaServer, args }, limitBytes) ?? { file: llamaServer, args };
  let server: LlamaProcess | undefined;
  const spawned = (process: LlamaProcess) => {
    const { pid } = process;
    server = process;
    const one: Asked = { server: process, workload, startedAt: clock() };
    asked.set(process, one);
    if (pid === undefined) return;
    kernelLimit?.enclose(keyOf(id), pid, limitBytes);
    hold();
    writeRecord(folder, { ...record, pid });
    background(`identifying the llama-server that ${name} is asked with`, identify(one, pid));
  };
  const identify = async (one: Asked, pid: number) => {
    const startTime = await platform.startTime(pid);
    // Once it has ended, the record of this name may be that of the workload's server.
    if (typeof startTime !== "string" || !asked.has(one.server) || one.server.exit() !== undefined) return;
    one.startTime = startTime;
    writeRecord(folder, { ...record, pid, startTime });
  };
  try {
    writeRecord(folder, record);
    const answer = await askProjection({ ...command, logPath, tables, spawned });
    return { ...answer, ...(answer.bytes === null && server && { breach: breachOf(server, workload, options) }) };
  } catch {
    // The start that follows fails with a message about it.
    return { bytes: null, why: "the state folder cannot be written" };
  } finally {
    if (server !== undefined) asked.delete(server);
    kernelLimit?.release(keyOf(id));
    removeRecord(folder, id);
  }
}

function breachOf(server: LlamaProcess, { id }: Workload, { watchdog, kernelLimit }: ProjectorOptions) {
  const stop = server.pid === undefined ? undefined : watchdog.sighting(keyOf(id), server.pid)?.stop;
  const how = stop?.message ?? (kernelLimit?.breached(keyOf(id)) ? "killed by the kernel at its limit" : undefined);
  return how === undefined ? undefined : `while llama-server was asked how much memory it needs: ${how}`;
}
