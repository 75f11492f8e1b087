import type { Logger } from "pino";
import { ok, type Result } from "../api/result.ts";
import { describeAllocatable } from "../memory/allocatable.ts";
import { openPlatform } from "./host/open.ts";
import { openStatusServer } from "./http/status-server.ts";
import { unlessAborted, whenAborted } from "./lifecycle/aborted.ts";
import { runBeside } from "./lifecycle/runnable.ts";
import { reconcileLoop } from "./loop.ts";
import { openParts } from "./parts.ts";
import { reporter } from "./report.ts";
import { type AgentOptions, type AgentSignals, type Host, inspectHost } from "./startup.ts";
import { lockState } from "./state/lock.ts";
import { logSink } from "./status/log-sink.ts";
import { statusSinks } from "./status/sink.ts";
import { fileSink } from "./status/status-file.ts";
import { modelCollector } from "./store/collect.ts";
import { leaveSentence, stopSentence } from "./supervisor/farewell.ts";
import type { Outcome } from "./supervisor/supervisor.ts";
import { type TakenOver, takeOver, whileBeating } from "./take-over.ts";

/** How long the agent waits for the sinks to deliver the last status before it ends. */
const FLUSH_MS = 2000;

/** How the agent ended: `told` by a signal, or because another process took over its state folder. */
export type Ending = "told" | "lost";

/**
 * Runs the agent until `stop` is aborted and every server has exited, or until `leave` is. Fails with one sentence if it cannot start. All
 * other errors appear in the status and the log.
 */
export async function runAgent(options: AgentOptions, log: Logger, signals: AgentSignals): Promise<Result<Ending>> {
  const lost = new AbortController();
  const begun = await unlessAborted(
    begin(options, log, () => lost.abort()),
    AbortSignal.any([signals.stop, signals.leave]),
  );
  if (begun === undefined) {
    log.info("ended before it was up: it started nothing, and servers that an earlier agent left run on");
    return ok("told");
  }
  if (!begun.ok) return begun;
  const { host, left, unlock } = begun.value;
  if (host.warning !== undefined) log.warn(host.warning);
  try {
    await serve(options, host, left, log, signals, lost.signal);
  } finally {
    await unlock().catch(() => {});
  }
  if (!lost.signal.aborted) return ok("told");
  log.fatal(
    `the lock on the state folder ${options.state} was lost, to another agent or by hand: this agent ended and left the servers running`,
  );
  return ok("lost");
}

/**
 * What is done before the first decision. What an earlier agent left is watched before llama-server is asked anything: one that hangs takes
 * a minute, and one that fails ends this agent, but not its watchdog.
 */
async function begin(options: AgentOptions, log: Logger, lost: () => void) {
  const platform = await openPlatform();
  if (!platform.ok) return platform;
  const lock = await lockState(options.state, lost);
  if (!lock.ok) return lock;
  const left = await takeOver(options.state, platform.value, log);
  const host = await whileBeating(left.watchdog, inspectHost(options, platform.value));
  if (host.ok) return ok({ host: host.value, left, unlock: lock.value });
  if (left.adopted.length > 0)
    log.info(leaveSentence(new Map(left.adopted.map(({ record }) => [record.name, record]))));
  await lock.value().catch(() => {});
  return host;
}

async function serve(
  options: AgentOptions,
  host: Host,
  left: TakenOver,
  log: Logger,
  signals: AgentSignals,
  lost: AbortSignal,
): Promise<void> {
  const { stop, leave, kill } = signals;
  const away = AbortSignal.any([leave, lost]);
  const { state: stateDirectory, models } = options;
  const say = (message: string) => log.error(message);
  const parts = await openParts(options, host, left, log, AbortSignal.any([stop, away]));
  const { processes, source, claims, notices, limit, kernelCap, keepAwake } = parts;
  const { watchdog, alarm } = left;
  kill.addEventListener("abort", processes.killAll);
  leave.addEventListener("abort", processes.endProjections);
  whenAborted(stop, () => log.info(stopSentence(processes.running())));
  const statusServer = await openStatusServer(options.listen, processes.dump);
  if (statusServer.url !== undefined) log.info(`the status page is at ${statusServer.url}`);
  const sinks = statusSinks([fileSink(stateDirectory), logSink(log), ...statusServer.sinks], say);
  const publish = reporter({ host, kernelCap, supervisor: processes, source, notices, statusServer, sinks });
  const report = (outcome: Outcome, seconds: number) => {
    keepAwake.follow(outcome.workloads);
    publish(outcome, seconds);
  };
  const loop = reconcileLoop({ source, supervisor: processes, alarm, report, say, lost: away });
  const wanted = () => source.current().models;
  const collected = { folder: models, maxBytes: options.modelsMaxBytes, wanted };
  const collector = modelCollector({ ...collected, say: (message) => log.info(message) });
  log.info(`watching ${options.manifests}; all models together may use ${describeAllocatable(host.allocatable)}`);
  try {
    await runBeside(loop, [collector, ...statusServer.runnables], stop, say);
    // What is left for the next agent stays watched. One that has taken over already has a watchdog of its own.
    if (!leave.aborted) await watchdog.close();
  } finally {
    keepAwake.close();
    await source.close();
    await claims.settled();
    await sinks.flush(FLUSH_MS);
    if (!away.aborted) limit?.close();
    if (leave.aborted) log.info(leaveSentence(processes.running()));
  }
}
