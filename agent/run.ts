import type { Logger } from "pino";
import { ok, type Result } from "../api/result.ts";
import { describeAllocatable } from "../memory/allocatable.ts";
import { openClaims } from "./claims/host-claims.ts";
import { leaveSentence, stopSentence } from "./farewell.ts";
import { openStatusServer } from "./http/status-server.ts";
import { openKernelLimit } from "./kernel-limit/open.ts";
import { unlessAborted, whenAborted } from "./lifecycle/aborted.ts";
import { alarmClock } from "./lifecycle/alarm.ts";
import { awakeClock } from "./lifecycle/awake-clock.ts";
import { backgroundWork } from "./lifecycle/background.ts";
import { runBeside } from "./lifecycle/runnable.ts";
import { reconcileLoop } from "./loop.ts";
import { reporter } from "./report.ts";
import { logKeeper } from "./server-logs/keeper.ts";
import { openDirectory } from "./sources/directory/directory.ts";
import { type AgentOptions, type AgentSignals, type Host, inspectHost } from "./startup.ts";
import { lockState } from "./state/lock.ts";
import { removeStaleTempFiles } from "./state/stale-temp-files.ts";
import { logSink } from "./status/log-sink.ts";
import { statusSinks } from "./status/sink.ts";
import { fileSink } from "./status/status-file.ts";
import { modelCollector } from "./store/collect.ts";
import { adoptAll } from "./supervisor/adopt.ts";
import { supervisor } from "./supervisor/supervisor.ts";
import { openWatchdog } from "./watchdog/watchdog.ts";
import { modelAccess } from "./workload/model-access.ts";

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
    begin(options, () => lost.abort()),
    AbortSignal.any([signals.stop, signals.leave]),
  );
  if (begun === undefined) {
    log.info("ended before it was up: it started nothing, and ended nothing that an earlier agent left");
    return ok("told");
  }
  if (!begun.ok) return begun;
  const { host, unlock } = begun.value;
  if (host.warning !== undefined) log.warn(host.warning);
  try {
    await serve(options, host, log, signals, lost.signal);
  } finally {
    await unlock().catch(() => {});
  }
  if (!lost.signal.aborted) return ok("told");
  log.fatal(
    `the lock on the state folder ${options.state} was lost, to another agent or by hand: this agent ended and left the servers running`,
  );
  return ok("lost");
}

/** What is done before the first server is touched. */
async function begin(options: AgentOptions, lost: () => void) {
  const host = await inspectHost(options);
  if (!host.ok) return host;
  const lock = await lockState(options.state, lost);
  return lock.ok ? ok({ host: host.value, unlock: lock.value }) : lock;
}

async function serve(
  options: AgentOptions,
  host: Host,
  log: Logger,
  { stop, leave, kill }: AgentSignals,
  lost: AbortSignal,
): Promise<void> {
  const away = AbortSignal.any([leave, lost]);
  const { state: stateDirectory, llamaServer, models } = options;
  const { platform } = host;
  const say = (message: string) => log.error(message);
  const info = (message: string) => log.info(message);
  const clock = () => performance.now();
  const awake = awakeClock(clock);
  const [alarm, background] = [alarmClock(), backgroundWork(say)];
  removeStaleTempFiles(stateDirectory);
  const { limit, text: kernelCap } = await openKernelLimit(stateDirectory);
  if (limit === undefined) log.warn(`kernel limit: ${kernelCap}; only the watchdog enforces budgets`);
  const claims = await openClaims({
    ...{ folder: options.claims, stateDirectory, platform, allocatableBytes: host.allocatable.bytes },
    ...{ clock, background, granted: alarm.ring },
  });
  const adopted = await adoptAll({ stateDirectory, platform, background, log, ended: alarm.ring });
  const watchdog = openWatchdog({
    stateDirectory,
    clock: awake,
    say: (message) => log.warn(message),
    wake: alarm.ring,
  });
  const processes = supervisor({
    ...host,
    ...{
      watchdog,
      llamaServer,
      stateDirectory,
      kernelLimit: limit,
      adopted,
      claims,
      background,
      clock: awake,
      wake: alarm.ring,
    },
    models: modelAccess(models, alarm.ring, AbortSignal.any([stop, away]), clock),
  });
  kill.addEventListener("abort", processes.killAll);
  leave.addEventListener("abort", processes.endProjections);
  whenAborted(stop, () => log.info(stopSentence(processes.running())));
  const directory = { folder: options.manifests, host: host.facts, running: processes.running, changed: alarm.ring };
  const source = await openDirectory(directory);
  const statusServer = await openStatusServer(options.listen, processes.dump);
  if (statusServer.url !== undefined) log.info(`the status page is at ${statusServer.url}`);
  const sinks = statusSinks([fileSink(stateDirectory), logSink(log), ...statusServer.sinks], say);
  const parts = { supervisor: processes, source, statusServer, sinks };
  const report = reporter({ host, kernelCap, watchdog, claims, ...parts });
  const loop = reconcileLoop({ source, supervisor: processes, alarm, report, say, lost: away });
  const wanted = () => source.current().models;
  const collector = modelCollector({ ...{ folder: models, maxBytes: options.modelsMaxBytes, wanted }, say: info });
  log.info(`watching ${options.manifests}; all models together may use ${describeAllocatable(host.allocatable)}`);
  try {
    const keeper = logKeeper({ logs: processes.logs, say });
    await runBeside(loop, [collector, keeper, ...statusServer.runnables], stop, say);
    // What is left for the next agent stays watched. One that has taken over already has a watchdog of its own.
    if (!leave.aborted) await watchdog.close();
  } finally {
    await source.close();
    await claims.settled();
    await sinks.flush(FLUSH_MS);
    if (!away.aborted) limit?.close();
    if (leave.aborted) log.info(leaveSentence(processes.running()));
  }
}
