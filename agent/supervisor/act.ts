import { errorText } from "../../api/error-code.ts";
import { backOffMs } from "../decisions/back-off.ts";
import { evictedAgain } from "../decisions/eviction.ts";
import { NO_SAMPLES } from "../decisions/footprint.ts";
import type { ModelPaths } from "../llama-server/flags.ts";
import type { Preparation } from "../workload/prepare.ts";
import type { Workload } from "../workload/workload.ts";
import type { Entry } from "./entry.ts";
import type { SupervisorOptions } from "./options.ts";
import type { Projector } from "./projector.ts";
import { type Running, stopping } from "./running.ts";
import { startServer } from "./start.ts";

/** What a start needs, where a decision asks for one. */
export interface StartInput {
  readonly workload: Workload | undefined;
  readonly preparation: Preparation | undefined;
}

/** Carries a decision out; decides nothing. */
export async function act(
  entry: Entry,
  { workload, preparation }: StartInput,
  projector: Projector,
  options: SupervisorOptions,
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
        `asking llama-server what ${entry.name} needs`,
        ask(entry, workload, paths, projector, options),
      );
    }
  }
}

function stop(entry: Entry, running: Running, now: number): void {
  const { reason = "Stopped", message = "" } = entry.decision;
  const { gracePeriodMs } = running.inForce;
  if (reason === "Evicted") entry.eviction = evictedAgain(entry.eviction, now);
  entry.stoppedFor = entry.wanted;
  entry.running = stopping(running, { at: now, reason, message, gracePeriodMs, killed: false });
  running.process.signal("SIGTERM");
}

/** Without the tick waiting for it: servers that run are watched meanwhile. */
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
    // It stays without an answer, as where llama-server gives none.
    entry.projection = { specHash, bytes: null };
    throw error;
  } finally {
    wake();
  }
}

async function start(entry: Entry, workload: Workload, paths: ModelPaths, options: SupervisorOptions): Promise<void> {
  let running: Running | undefined;
  try {
    running = await startServer(workload, paths, entry.need?.estimateBytes ?? 0, options);
  } catch (error) {
    const message = `the state folder cannot be written (${errorText(error)}): look at its disk and its permissions`;
    return failStart(entry, "StartFailed", message, options);
  }
  if (running === undefined) {
    const { port } = workload.fields;
    const owner = (await options.platform.listenerOn(port)) ?? "another process";
    const message = `port ${port} is in use by ${owner}: end it, or set another spec.endpoint.port`;
    return failStart(entry, "PortInUse", message, options);
  }
  entry.starts += 1;
  entry.footprint = NO_SAMPLES;
  entry.running = running;
}

/** What came of it is a fact of the next decision, which comes at once. */
function failStart(entry: Entry, reason: string, message: string, { clock, wake }: SupervisorOptions): void {
  entry.failures += 1;
  const until = clock() + backOffMs("crash", Math.min(entry.failures, 5));
  entry.backOff = { state: "Failed", reason, message, until };
  wake();
}
