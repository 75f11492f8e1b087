import type { Logger } from "pino";
import { fail, ok, type Result } from "../api/result.ts";
import { describeAllocatable } from "../memory/allocatable.ts";
import { fileGate } from "./files/gate.ts";
import { fileLooks } from "./files/looks.ts";
import { slowFiles } from "./files/slow.ts";
import { openStatusServer } from "./http/status-server.ts";
import { openKernelLimit } from "./kernel-limit/open.ts";
import { alarmClock } from "./lifecycle/alarm.ts";
import { awakeClock } from "./lifecycle/awake-clock.ts";
import { backgroundWork } from "./lifecycle/background.ts";
import { runBeside } from "./lifecycle/runnable.ts";
import { installedServer, pathOfCommand } from "./llama-server/installed.ts";
import { readSupportedFlags } from "./llama-server/supported-flags.ts";
import { reconcileLoop } from "./loop.ts";
import { reporter } from "./report.ts";
import { openDirectory } from "./sources/directory/directory.ts";
import { type AgentOptions, type AgentSignals, type Host, inspectHost, neededOptions } from "./startup.ts";
import { lockState } from "./state/lock.ts";
import { removeStaleTempFiles } from "./state/stale-temp-files.ts";
import { logSink } from "./status/log-sink.ts";
import { statusSinks } from "./status/sink.ts";
import { fileSink } from "./status/status-file.ts";
import { modelCollector } from "./store/collect.ts";
import { adoptAll } from "./supervisor/adopt.ts";
import { supervisor } from "./supervisor/supervisor.ts";
import { modelAccess } from "./workload/model-access.ts";

/** How long the agent waits for the sinks to deliver the last status before it ends. */
const FLUSH_MS = 2000;

/**
 * Runs the agent until `stop` is aborted and every server has exited. Fails with one sentence if it cannot start, or if another process
 * took over its state folder. All other errors appear in the status and the log.
 */
export async function runAgent(options: AgentOptions, log: Logger, signals: AgentSignals): Promise<Result<void>> {
  const host = await inspectHost(options);
  if (!host.ok) return host;
  if (host.value.warning !== undefined) log.warn(host.value.warning);
  const lost = new AbortController();
  const lock = await lockState(options.state, () => lost.abort());
  if (!lock.ok) return lock;
  try {
    await serve(options, host.value, log, signals, lost.signal);
  } finally {
    await lock.value().catch(() => {});
  }
  if (!lost.signal.aborted) return ok(undefined);
  return fail(
    `the lock on the state folder ${options.state} was lost, to another agent or by hand: this agent ended and left the servers running`,
  );
}

async function serve(
  options: AgentOptions,
  host: Host,
  log: Logger,
  { stop, kill }: AgentSignals,
  lost: AbortSignal,
): Promise<void> {
  const { state: stateDirectory, llamaServer, models } = options;
  const { platform } = host;
  const say = (message: string) => log.error(message);
  const info = (message: string) => log.info(message);
  const clock = () => performance.now();
  const [alarm, background] = [alarmClock(), backgroundWork(say)];
  removeStaleTempFiles(stateDirectory);
  const { limit, text: kernelCap } = await openKernelLimit(stateDirectory);
  if (limit === undefined) log.warn(`kernel limit: ${kernelCap}; only the watchdog enforces budgets`);
  const adopted = await adoptAll({ stateDirectory, platform, background, log, ended: alarm.ring });
  const gate = fileGate(clock);
  const looks = fileLooks(gate, alarm.ring, clock);
  const server = installedServer({
    path: await pathOfCommand(llamaServer),
    options: host.supportedFlags,
    ask: () => readSupportedFlags(llamaServer, neededOptions(options)),
    ...{ looks, changed: alarm.ring, clock, now: () => new Date() },
  });
  const access = modelAccess({ folder: models, gate, looks, changed: alarm.ring, signal: stop, clock });
  const processes = supervisor({
    ...host,
    // Read at each start: it may be another llama-server by then.
    get supportedFlags() {
      return server.options();
    },
    ...{
      llamaServer,
      stateDirectory,
      kernelLimit: limit,
      adopted,
      background,
      clock: awakeClock(clock),
      wake: alarm.ring,
    },
    models: { ...access, server: server.view, doubtServer: server.doubt },
  });
  kill.addEventListener("abort", processes.killAll);
  const source = await openDirectory({
    folder: options.manifests,
    host: () => ({ ...host.facts, options: server.options() }),
    ...{ running: processes.running, changed: alarm.ring },
  });
  const statusServer = await openStatusServer(options.listen, processes.dump);
  if (statusServer.url !== undefined) log.info(`the status page is at ${statusServer.url}`);
  const sinks = statusSinks([fileSink(stateDirectory), logSink(log), ...statusServer.sinks], say);
  const notices = [server, { problems: () => slowFiles(gate), notes: () => [] }];
  const report = reporter({ host, kernelCap, supervisor: processes, source, notices, statusServer, sinks });
  const loop = reconcileLoop({ source, supervisor: processes, alarm, report, say, lost });
  const wanted = () => source.current().models;
  const collector = modelCollector({ ...{ folder: models, maxBytes: options.modelsMaxBytes, wanted }, say: info });
  log.info(`watching ${options.manifests}; all models together may use ${describeAllocatable(host.allocatable)}`);
  try {
    await runBeside(loop, [collector, ...statusServer.runnables], stop, say);
  } finally {
    await source.close();
    await sinks.flush(FLUSH_MS);
    if (!lost.aborted) limit?.close();
  }
}
