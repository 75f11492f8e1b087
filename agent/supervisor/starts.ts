import { admit, type Holder } from "../decisions/admission.ts";
import { backOffMs } from "../decisions/back-off.ts";
import type { Evictable } from "../decisions/eviction.ts";
import { NO_SAMPLES } from "../decisions/footprint.ts";
import { type Pressure, pressureWait } from "../decisions/pressure.ts";
import { kernelLimitBytes } from "../kernel-limit/kernel-limit.ts";
import type { ModelPaths } from "../llama-server/flags.ts";
import type { Preparation } from "../workload/prepare.ts";
import type { Workload } from "../workload/workload.ts";
import { chargeBytes, type Entry, type Running } from "./entry.ts";
import type { SupervisorOptions, Wanted } from "./options.ts";
import type { LlamaProcess } from "./process.ts";
import { type Projector, projectionDecision } from "./projection.ts";
import { startServer } from "./start.ts";

export async function startNext(
  entries: ReadonlyMap<string, Entry>,
  wanted: Wanted,
  preparations: ReadonlyMap<string, Preparation>,
  pressure: Pressure,
  projections: Projector,
  options: SupervisorOptions,
): Promise<void> {
  const all = [...entries.values()];
  const queued = all.filter(({ decision }) => decision.act === "queue");
  const admission = admit(
    queued.map((entry) => ({ ...claimOf(entry, wanted), since: entry.queuedAt ?? 0 })),
    all.flatMap((entry) => (entry.running === undefined ? [] : holder(entry, entry.running, wanted))),
    options.allocatableBytes,
    pressureWait(pressure) ?? (projections.idle() ? undefined : "waits until llama-server has said what another needs"),
  );
  for (const entry of queued) {
    const refusal = admission.refused.get(entry.name);
    const wait = admission.waiting.get(entry.name);
    if (refusal !== undefined) {
      entry.decision = { act: "nothing", state: "Failed", reason: "InsufficientMemory", message: refusal };
    } else if (wait !== undefined) {
      const queuePosition = [...admission.waiting.keys()].indexOf(entry.name) + 1;
      const place =
        admission.waiting.size === 1 ? "" : `; place ${queuePosition} of ${admission.waiting.size} in the queue`;
      const message = wait + place;
      entry.decision = { act: "nothing", state: "Waiting", reason: "WaitingForMemory", message, queuePosition };
    }
  }
  const next = admission.start === undefined ? undefined : entries.get(admission.start);
  const desired = next && wanted.get(next.name);
  const preparation = next && preparations.get(next.name);
  if (!next || desired?.kind !== "run" || preparation?.stage !== "ready") return;
  const { workload } = desired;
  if (next.projection?.key === workload.specHash) await start(next, workload, preparation.paths, options);
  else {
    const asking = askProjection(next, workload, preparation.paths, projections, options);
    options.background(`asking llama-server what ${next.name} needs`, asking);
  }
}

/** Without the tick waiting for it: servers that run are watched meanwhile. */
async function askProjection(
  entry: Entry,
  workload: Workload,
  paths: ModelPaths,
  projections: Projector,
  { wake }: SupervisorOptions,
): Promise<void> {
  const key = workload.specHash;
  entry.projection = { key };
  entry.decision = projectionDecision(entry.projection, workload) ?? entry.decision;
  entry.projection = { key, bytes: await projections.ask(workload, paths) };
  wake();
}

function claimOf(entry: Entry, wanted: Wanted) {
  const desired = wanted.get(entry.name);
  const priority = desired?.kind === "run" ? desired.workload.priority : 0;
  return { name: entry.name, priority, chargeBytes: chargeBytes(entry) };
}

export function evictable(entry: Entry, wanted: Wanted): readonly Evictable[] {
  const { running } = entry;
  if (running === undefined) return [];
  const desired = wanted.get(entry.name);
  const workload = desired?.kind === "run" ? desired.workload : running.workload;
  const leaving = running.stopping !== undefined || desired?.kind !== "run";
  const { evictionProtection, budget } = workload;
  const claim = { ...claimOf(entry, wanted), budgetBytes: budget.bytes, startedAt: running.startedAt };
  return [{ ...claim, protected: evictionProtection, leaving }];
}

function holder(entry: Entry, { readyAt, stopping, startedAt }: Running, wanted: Wanted): Holder {
  return {
    ...claimOf(entry, wanted),
    since: startedAt,
    starting: readyAt === undefined && stopping === undefined,
    unknown: entry.watch.unknown,
  };
}

function failStart(entry: Entry, reason: string, message: string, now: number): void {
  entry.failures += 1;
  const until = now + backOffMs("crash", Math.min(entry.failures, 5));
  entry.backOff = { state: "Failed", reason, message, until };
  entry.decision = { act: "nothing", state: "Failed", reason, message };
}

async function start(entry: Entry, workload: Workload, paths: ModelPaths, options: SupervisorOptions): Promise<void> {
  const { clock, wake } = options;
  let server: LlamaProcess | undefined;
  try {
    server = await startServer(workload, paths, entry.estimateBytes ?? 0, { ...options, ended: wake });
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : error;
    const message = `the state folder cannot be written (${code}): look at its disk and its permissions`;
    return failStart(entry, "StartFailed", message, clock());
  }
  const now = clock();
  if (server === undefined) {
    const { port } = workload.fields;
    const owner = (await options.platform.listenerOn(port)) ?? "another process";
    const message = `port ${port} is in use by ${owner}: end it, or set another spec.endpoint.port`;
    return failStart(entry, "PortInUse", message, now);
  }
  entry.starts += 1;
  entry.watch = NO_SAMPLES;
  const limitBytes = options.cap && kernelLimitBytes(workload.budget.bytes);
  const { specHash } = workload;
  entry.running = { server, workload, modelPath: paths.model, specHash, startedAt: now, limitBytes };
  entry.decision = { act: "nothing", state: "Starting" };
}
