import type { Logger } from "pino";
import { ok, type Result } from "../../api/result.ts";
import { describeAllocatable } from "../../memory/allocatable.ts";
import { openPlatform } from "../host/open.ts";
import type { Platform } from "../host/platform.ts";
import { openStatusServer } from "../http/status-server.ts";
import { unlessAborted, whenAborted } from "../lifecycle/aborted.ts";
import { runBeside } from "../lifecycle/runnable.ts";
import { lockState } from "../state/lock.ts";
import { logSink } from "../status/log-sink.ts";
import { statusSinks } from "../status/sink.ts";
import { fileSink } from "../status/status-file.ts";
import { modelCollector } from "../store/collect.ts";
import { leaveSentence, stopSentence } from "../supervisor/farewell.ts";
import type { Outcome } from "../supervisor/supervisor.ts";
import type { Work, WorkingOptions } from "../work/work.ts";
import { openDoor, openFront } from "./gateway-door.ts";
import { reconcileLoop } from "./loop.ts";
import { withOwnKey } from "./own-key.ts";
import { openParts } from "./parts.ts";
import { reporter } from "./report.ts";
import { type AgentSignals, type Host, inspectHost } from "./startup.ts";
import { type TakenOver, takeOver, whileBeating } from "./take-over.ts";

/** How long the agent waits for the sinks to deliver the last status before it ends. */
const FLUSH_MS = 2000;

/** How the agent ended: `told` by a signal, or because another process took over its state folder. */
export type Ending = "told" | "lost";

/**
 * Runs the agent until `stop` is aborted and every server has exited, or until `leave` is. Fails with one sentence if it cannot start. All
 * other errors appear in the status and the log.
 */
export async function runAgent(options: WorkingOptions, log: Logger, signals: AgentSignals): Promise<Result<Ending>> {
  const lost = new AbortController();
  const lose = (sentence: string) => {
    if (!lost.signal.aborted) log.fatal(`${sentence}: this agent ended and left the servers running`);
    lost.abort();
  };
  const begun = await unlessAborted(
    begin(options, log, () =>
      lose(`the lock on the state folder ${options.state} was lost, to another agent or by hand`),
    ),
    AbortSignal.any([signals.stop, signals.leave]),
  );
  if (begun === undefined) {
    log.info("ended before it was up: it started nothing, and servers that an earlier agent left run on");
    return ok("told");
  }
  if (!begun.ok) return begun;
  const { host, left, unlock, options: given } = begun.value;
  if (host.warning !== undefined) log.warn(host.warning);
  try {
    await serve(given, host, left, log, signals, { signal: lost.signal, lose });
  } finally {
    await unlock().catch(() => {});
  }
  return ok(lost.signal.aborted ? "lost" : "told");
}

/**
 * What is done before the first decision. What an earlier agent left is watched before llama-server is asked anything: one that hangs takes
 * a minute, and one that fails ends this agent, but not its watchdog.
 */
async function begin(options: WorkingOptions, log: Logger, lost: () => void) {
  const platform = await openPlatform();
  if (!platform.ok) return platform;
  const lock = await lockState(options.state, lost);
  if (!lock.ok) return lock;
  const left = await takeOver(options.state, platform.value, log);
  const keyed = await withOwnKey(options);
  const begun = keyed.ok ? await whileBeating(left.watchdog, inspected(keyed.value, platform.value)) : keyed;
  if (begun.ok) return ok({ ...begun.value, left, unlock: lock.value });
  if (left.adopted.length > 0) log.info(leaveSentence(left.adopted.map(({ record }) => record)));
  await lock.value().catch(() => {});
  return begun;
}

async function inspected(options: WorkingOptions, platform: Platform) {
  const host = await inspectHost(options, platform);
  return host.ok ? ok({ host: host.value, options }) : host;
}

/** That somebody else has taken over, and how that is noted, with a sentence on how it came. */
interface Lost {
  readonly signal: AbortSignal;
  readonly lose: (sentence: string) => void;
}

async function serve(
  options: WorkingOptions,
  host: Host,
  left: TakenOver,
  log: Logger,
  signals: AgentSignals,
  lost: Lost,
): Promise<void> {
  const { stop, leave, kill } = signals;
  const away = AbortSignal.any([leave, lost.signal]);
  const { state: stateDirectory, models } = options;
  const say = (message: string) => log.error(message);
  const beat = loopBeat();
  const ending = AbortSignal.any([stop, away]);
  const front = await openFront(options.gateway, left.awake, left.alarm.ring);
  const parts = await openParts(options, host, left, log, {
    ...{ ending, stop, lost: lost.lose, loopTrouble: beat.trouble, front },
  });
  const { processes, work, claims, notices, limit, kernelCap, keepAwake } = parts;
  const { source } = work;
  const { watchdog, alarm } = left;
  kill.addEventListener("abort", processes.killAll);
  leave.addEventListener("abort", processes.endProjections);
  whenAborted(stop, () => log.info(stopSentence(processes.servers())));
  const statusServer = await openStatusServer(options.listen, processes.dump, front?.metrics);
  const isRead = () => source.current().synced || processes.serving().length > 0;
  const end = whenReadyToEnd(stop, work);
  const door = await openDoor(front, { supervisor: processes, isRead, ending: end, background: left.background });
  const gatewayUrl = door.url();
  if (gatewayUrl !== undefined) log.info(`the gateway is at ${gatewayUrl}`);
  if (statusServer.url !== undefined) log.info(`the status page is at ${statusServer.url}`);
  const sinks = statusSinks([fileSink(stateDirectory), logSink(log), ...statusServer.sinks, ...work.sinks], say);
  const publish = reporter({
    host,
    kernelCap,
    supervisor: processes,
    source,
    statusServer,
    sinks,
    gatewayUrl: door.url,
    notices: [...notices, ...door.notices],
  });
  const report = (outcome: Outcome, seconds: number) => {
    beat.ticked();
    keepAwake.follow(outcome.workloads);
    publish(outcome, seconds);
    door.ticked();
  };
  const loop = reconcileLoop({ source, supervisor: processes, alarm, report, say, lost: away });
  const wanted = () => source.current().models;
  const collected = { folder: models, maxBytes: options.modelsMaxBytes, wanted };
  const collector = modelCollector({ ...collected, say: (message) => log.info(message) });
  log.info(`watching ${work.watched}; all models together may use ${describeAllocatable(host.allocatable)}`);
  try {
    await runBeside(loop, [collector, ...statusServer.runnables, ...door.runnables, ...work.runnables], end, say);
    // What is left for the next agent stays watched. One that has taken over already has a watchdog of its own.
    if (!leave.aborted) await watchdog.close();
  } finally {
    keepAwake.close();
    await source.close();
    await claims.settled();
    await sinks.flush(FLUSH_MS);
    if (!away.aborted) limit?.close();
    if (leave.aborted) log.info(leaveSentence(processes.servers()));
  }
}

/** Aborted after `stop`, when the work is ready for the end of the servers; at once where it needs no time for that. */
function whenReadyToEnd(stop: AbortSignal, { beforeEnd }: Work): AbortSignal {
  if (beforeEnd === undefined) return stop;
  const ready = new AbortController();
  whenAborted(stop, () => {
    beforeEnd()
      .finally(() => ready.abort())
      .catch(() => {});
  });
  return ready.signal;
}

/** Longer than a tick takes on a busy machine. */
const STANDS_STILL_MS = 15_000;

/** Whether the reconcile loop goes round. */
function loopBeat() {
  let tickedAt = performance.now();
  return {
    ticked: () => {
      tickedAt = performance.now();
    },
    trouble: () => {
      const sinceMs = performance.now() - tickedAt;
      return sinceMs < STANDS_STILL_MS
        ? undefined
        : `the reconcile loop stands still for ${Math.round(sinceMs / 1000)} s`;
    },
  };
}
