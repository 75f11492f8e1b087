import { backOffMs } from "../decisions/back-off.ts";
import { graceLeftMs } from "../decisions/drain.ts";
import { NO_SAMPLES } from "../decisions/footprint.ts";
import { SLOTS_MS } from "../decisions/saved-slots.ts";
import type { ModelPaths } from "../llama-server/flags.ts";
import { stateFolderProblem } from "../state/problem.ts";
import type { Preparation } from "../workload/prepare.ts";
import type { Workload } from "../workload/workload.ts";
import type { Entry } from "./entry.ts";
import { noteBreach } from "./exit.ts";
import type { SupervisorOptions } from "./options.ts";
import { firstProbes, type Probing } from "./probing.ts";
import { basisOf } from "./projected.ts";
import type { Projector } from "./projector.ts";
import type { Running } from "./running.ts";
import { type Ready, savingBefore, slotsOfStart } from "./slots.ts";
import { type Charged, identify, spawnServer } from "./start.ts";
import { beginStop } from "./stop.ts";
import { isUnload } from "./unloads.ts";

/** What a start needs. Both are undefined if the workload should not run. */
export interface StartInput {
  readonly workload: Workload | undefined;
  readonly preparation: Preparation | undefined;
}

/**
 * Carries out the decision of an entry. It decides nothing itself.
 *
 * @param hold makes the watchdog hold what runs now
 */
export async function act(
  entry: Entry,
  { workload, preparation }: StartInput,
  projector: Projector,
  options: SupervisorOptions & Probing,
  hold: () => void,
): Promise<void> {
  const { running, decision } = entry;
  if (decision.act === "stop" && running !== undefined) stop(entry, running, options);
  else if (decision.act === "hurry" && running !== undefined) terminate(entry, running, options);
  else if (decision.act === "kill" && running?.phase === "stopping") {
    running.process.signal("SIGKILL");
    entry.running = { ...running, stop: { ...running.stop, killed: true } };
  } else if (workload !== undefined && preparation?.stage === "ready") {
    const { paths } = preparation;
    if (decision.act === "start") await start(entry, workload, preparation, options, hold);
    else if (decision.act === "ask") {
      options.background(
        `asking llama-server how much memory ${entry.name} needs`,
        ask(entry, workload, paths, projector, options),
      );
    }
  }
}

/** One that unloads may save its conversations first: the rest of its stop counts from their end. */
function stop(entry: Entry, running: Running, options: SupervisorOptions & Probing): void {
  const { reason = "Stopped", message = "", failure = false, graceUsedMs = 0 } = entry.decision;
  const saving = savingBefore(entry, running, options);
  const now = options.clock() + (saving === undefined ? 0 : SLOTS_MS);
  const gracePeriodMs = graceLeftMs(running.inForce.gracePeriodMs, graceUsedMs);
  const saves = saving !== undefined;
  beginStop(entry, running, { reason, message, failure, killed: false, gracePeriodMs, saves }, now);
  if (saving === undefined) running.process.signal("SIGTERM");
  else options.background(`saving the conversations of ${entry.name}`, endAfter(saving, entry, running, options));
}

async function endAfter(
  saving: Promise<void>,
  entry: Entry,
  running: Running,
  options: Pick<SupervisorOptions, "clock">,
): Promise<void> {
  try {
    await saving;
  } finally {
    terminate(entry, running, options);
  }
}

/** SIGTERM, for one whose conversations were to be saved first. One that has got it already gets no other. */
function terminate(entry: Entry, { process }: Running, { clock }: Pick<SupervisorOptions, "clock">): void {
  const { running } = entry;
  if (running?.process !== process || running.phase !== "stopping" || !running.stop.saves) return;
  process.signal("SIGTERM");
  entry.running = { ...running, stop: { ...running.stop, at: Math.min(running.stop.at, clock()), saves: false } };
}

/** Gets a projection in the background, so that the tick goes on watching the running servers. */
async function ask(
  entry: Entry,
  workload: Workload,
  paths: ModelPaths,
  projector: Projector,
  options: SupervisorOptions,
): Promise<void> {
  const { specHash } = workload;
  const asked = { specHash, basis: basisOf(entry, options) };
  entry.projection = asked;
  try {
    const { bytes, why, breach } = await projector.ask(workload, paths);
    entry.projection = breach === undefined ? { ...asked, bytes, why } : undefined;
    if (breach !== undefined) noteBreach(entry, breach, options.clock());
  } catch (error) {
    // As if llama-server gave no projection: the start goes on without one.
    entry.projection = { ...asked, bytes: null, why: "the agent had an error" };
    throw error;
  } finally {
    options.wake();
  }
}

async function start(
  entry: Entry,
  workload: Workload,
  preparation: Ready,
  options: SupervisorOptions & Probing,
  hold: () => void,
): Promise<void> {
  let running: Running | undefined;
  try {
    const slots = slotsOfStart(entry, workload, preparation, options);
    running = await spawnServer(workload, { paths: preparation.paths, charged: chargedOf(entry), slots }, options);
  } catch (error) {
    return failStart(entry, "StartFailed", stateFolderProblem(options.stateDirectory, error), options);
  }
  if (running === undefined) {
    const { port } = workload.fields;
    const owner = (await options.platform.listenerOn(port)) ?? "another process";
    const message = `port ${port} is in use by ${owner}: stop it, or, without a cluster, set another spec.endpoint.port`;
    return failStart(entry, "PortInUse", message, options);
  }
  // After an unload it is a wake, and no restart.
  if (!isUnload(entry.lastExit?.reason)) entry.starts += 1;
  if ((options.gateway?.demandOf(entry.id).waiting ?? 0) > 0) entry.wakes += 1;
  entry.footprint = NO_SAMPLES;
  entry.running = running;
  // From its first moment it is held to its budget, whatever the steps that follow wait for.
  hold();
  options.background(`the first probes of ${entry.name}`, firstProbes(entry, running.process, options));
  await identify(entry, running.process, options);
}

function chargedOf({ need, projection, nextCache }: Entry): Charged {
  // With `auto` it is remembered, too, where it is nothing: room that comes later is no reason for a restart.
  const promptCache = nextCache?.wanted === "off" ? undefined : nextCache;
  return { estimateBytes: need?.estimateBytes ?? 0, projectedBytes: projection?.bytes ?? undefined, promptCache };
}

/** Backs off after a start that failed, and wakes the loop so that the status shows it at once. */
function failStart(entry: Entry, reason: string, message: string, { clock, wake }: SupervisorOptions): void {
  entry.failures += 1;
  const until = clock() + backOffMs("crash", Math.min(entry.failures, 5));
  entry.backOff = { state: "Failed", reason, message, until };
  wake();
}
