import { errorText } from "../../api/error-code.ts";
import { backOffMs } from "../decisions/back-off.ts";
import { evictedAgain } from "../decisions/eviction.ts";
import { NO_SAMPLES } from "../decisions/footprint.ts";
import type { ModelPaths } from "../llama-server/flags.ts";
import type { Preparation } from "../workload/prepare.ts";
import type { Workload } from "../workload/workload.ts";
import type { Entry } from "./entry.ts";
import type { SupervisorOptions } from "./options.ts";
import { firstProbes, type Probing } from "./probing.ts";
import type { Projector } from "./projector.ts";
import { type Running, stopping } from "./running.ts";
import { startServer } from "./start.ts";

/** What a start needs. Both are undefined if the workload should not run. */
export interface StartInput {
  readonly workload: Workload | undefined;
  readonly preparation: Preparation | undefined;
}

/** Carries out the decision of an entry. It decides nothing itself. */
export async function act(
  entry: Entry,
  { workload, preparation }: StartInput,
  projector: Projector,
  options: SupervisorOptions & Probing,
): Promise<void> {
  const { running, decision } = entry;
  if (decision.act === "stop" && running !== undefined) stop(entry, running, options.clock());
  else if (decision.act === "kill" && running?.phase === "stopping") {
    running.process.signal("SIGKILL");
    entry.running = { ...running, stop: { ...running.stop, killed: true } };
  } else if (workload !== undefined && preparation?.stage === "ready") {
    const { paths } = preparation;
    if (decision.act === "start") await start(entry, workload, paths, options);
    else if (decision.act === "ask") {
      options.background(
        `asking llama-server how much memory ${entry.name} needs`,
        ask(entry, workload, paths, projector, options),
      );
    }
  }
}

function stop(entry: Entry, running: Running, now: number): void {
  const { reason = "Stopped", message = "", failure = false } = entry.decision;
  const { gracePeriodMs } = running.inForce;
  if (reason === "Evicted") entry.eviction = evictedAgain(entry.eviction, now);
  entry.stoppedFor = entry.wanted;
  entry.running = stopping(running, { at: now, reason, message, failure, gracePeriodMs, killed: false });
  running.process.signal("SIGTERM");
}

/** Gets a projection in the background, so that the tick goes on watching the running servers. */
async function ask(
  entry: Entry,
  workload: Workload,
  paths: ModelPaths,
  projector: Projector,
  { wake }: SupervisorOptions,
): Promise<void> {
  const { specHash } = workload;
  entry.projection = { specHash };
  try {
    entry.projection = { specHash, bytes: await projector.ask(workload, paths) };
  } catch (error) {
    // As if llama-server gave no projection: the start goes on without one.
    entry.projection = { specHash, bytes: null };
    throw error;
  } finally {
    wake();
  }
}

async function start(
  entry: Entry,
  workload: Workload,
  paths: ModelPaths,
  options: SupervisorOptions & Probing,
): Promise<void> {
  let running: Running | undefined;
  try {
    running = await startServer(workload, paths, entry.need?.estimateBytes ?? 0, options);
  } catch (error) {
    const message = `the state folder ${options.stateDirectory} cannot be written (${errorText(error)}): check its disk space and permissions`;
    return failStart(entry, "StartFailed", message, options);
  }
  if (running === undefined) {
    const { port } = workload.fields;
    const owner = (await options.platform.listenerOn(port)) ?? "another process";
    const message = `port ${port} is in use by ${owner}: stop it, or set another spec.endpoint.port`;
    return failStart(entry, "PortInUse", message, options);
  }
  entry.starts += 1;
  entry.footprint = NO_SAMPLES;
  entry.running = running;
  options.background(`the first probes of ${entry.name}`, firstProbes(entry, running.process, options));
}

/** Backs off after a start that failed, and wakes the loop so that the status shows it at once. */
function failStart(entry: Entry, reason: string, message: string, { clock, wake }: SupervisorOptions): void {
  entry.failures += 1;
  const until = clock() + backOffMs("crash", Math.min(entry.failures, 5));
  entry.backOff = { state: "Failed", reason, message, until };
  wake();
}
