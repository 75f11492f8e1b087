import { mkdir } from "node:fs/promises";
import { endProcess } from "../agent/lifecycle/end-process.ts";
import { runAgent } from "../agent/main/run.ts";
import type { GatewayFlags } from "../agent/main/startup.ts";
import { canonicalPath } from "../agent/state/canonical-path.ts";
import { defaultState, nodeState } from "../agent/state/default-state.ts";
import { DEFAULT_MANIFESTS } from "../agent/state/paths.ts";
import { type Log, openLog } from "../agent/status/log.ts";
import { directoryWork, type WorkingOptions } from "../agent/work/work.ts";
import { parseIdleUnload } from "../api/on-demand.ts";
import { OWN_LOG } from "../cluster/names.ts";
import type { AgentFlags } from "./agent-flags.ts";
import { keepOwnLog } from "./own-log.ts";
import { takeSignals } from "./signals.ts";
import { sourceProblem } from "./source-problem.ts";

const EXIT_FAULT = 70;
const EXIT_LOST = 2;
/** How long the agent waits for a terminal or pipe to take its last lines. */
const LAST_LINES_MS = 500;
/** How long it waits for what is still under way. */
const LAST_WORK_MS = 2000;

/** Runs the agent until a signal, and then ends this process. Throws one sentence where it cannot begin. */
export async function run(flags: AgentFlags): Promise<void> {
  const gateway = gatewayOf(flags);
  const work = await workOf(flags);
  const log = await openLog(flags.json ? "json" : "text", flags.logLevel);
  const { signals, off } = takeSignals({ end: endProcess, say: (message) => log.logger.info(message) });
  const faults = takeFaults(log);
  const endKeeping = keepOwnLog(process.env[OWN_LOG], (message) => log.logger.warn(message));
  try {
    const done = await runAgent({ ...optionsOf(flags, work), gateway }, log.logger, signals);
    if (!done.ok) throw new Error(done.error);
    await log.close(LAST_LINES_MS);
    endSoon(faults.seen() ? EXIT_FAULT : done.value === "lost" ? EXIT_LOST : 0);
  } catch (error) {
    off();
    faults.release();
    throw error;
  } finally {
    endKeeping();
  }
}

/** Ends this process when nothing is under way any more: a download notes how far it has come. It waits for no disk that hangs. */
function endSoon(exitCode: number): void {
  process.exitCode = exitCode;
  setTimeout(endProcess, LAST_WORK_MS, exitCode).unref();
}

/**
 * Until `release`, faults end the process, and warnings of Node.js go to the log, since standard error may be a terminal that takes
 * nothing.
 */
function takeFaults({ logger, close }: Log) {
  let seen = false;
  const onFault = async (error: unknown) => {
    const message = error instanceof Error ? error.message : String(error);
    logger.fatal(
      `the agent failed: ${message}; its servers run on, and the watchdog goes on enforcing budgets: start the agent again to adopt them`,
    );
    seen = true;
    await close(LAST_LINES_MS);
    endProcess(EXIT_FAULT);
  };
  const onWarning = ({ name, message }: Error) => logger.warn(`Node.js warns: ${name}: ${message}`);
  const printers = process.listeners("warning");
  process.removeAllListeners("warning");
  process.on("warning", onWarning).on("uncaughtException", onFault);
  return {
    seen: () => seen,
    release: () => {
      process.off("warning", onWarning).off("uncaughtException", onFault);
      for (const printer of printers) process.on("warning", printer);
    },
  };
}

/** Where the work comes from, and where the agent's own files are by default. */
interface ChosenWork extends Pick<WorkingOptions, "openWork" | "ownApiKeys"> {
  readonly defaultState: string;
}

/** Throws one sentence where the flags name no work, or none that can be had. */
async function workOf(flags: AgentFlags): Promise<ChosenWork> {
  const wrong = sourceProblem(flags);
  if (wrong !== undefined) throw new Error(wrong);
  const { kubeconfig, nodeName, nodeIp, kubeletPort, clientCaFile, standInMac } = flags;
  if (kubeconfig === undefined) {
    const manifests = flags.manifests ?? (await ownManifests());
    return { openWork: directoryWork(manifests), defaultState: defaultState(manifests) };
  }
  // What a fleet needs costs an agent of one Mac nothing.
  const { clusterWork, joinCluster } = await import("../agent/work/cluster.ts");
  const cluster = await joinCluster({ kubeconfig, nodeName, nodeIp, kubeletPort, clientCaFile, standInMac });
  if (!cluster.ok) throw new Error(cluster.error);
  return { openWork: clusterWork(cluster.value), ownApiKeys: true, defaultState: nodeState(cluster.value.name) };
}

/** Throws one sentence where its flags do not fit together. */
function gatewayOf({ gateway, gatewayKeys, idleUnload, savedSlots }: AgentFlags): GatewayFlags | undefined {
  if (gateway === undefined) {
    const given = { "--gateway-keys": gatewayKeys, "--idle-unload": idleUnload, "--saved-slots": savedSlots };
    const lost = Object.entries(given).find(([, value]) => value !== undefined)?.[0];
    if (lost !== undefined) throw new Error(`${lost} needs --gateway, for example --gateway 127.0.0.1:9000`);
    return undefined;
  }
  const isLoopback = gateway.host === "::1" || gateway.host.startsWith("127.");
  if (!isLoopback && gatewayKeys === undefined) {
    throw new Error(
      `--gateway ${gateway.host} is beyond loopback, where it needs --gateway-keys: whoever reaches it could use every model`,
    );
  }
  const idle = idleUnload === undefined ? undefined : parseIdleUnload(idleUnload);
  if (idle?.ok === false) throw new Error(`--idle-unload: ${idle.error}`);
  const idleUnloadMs = typeof idle?.value === "number" ? idle.value : undefined;
  return { listen: gateway, keysFile: gatewayKeys, idleUnloadMs, savedSlotsBytes: savedSlots };
}

/** The default folder, which is there before anything is deployed to it. */
async function ownManifests(): Promise<string> {
  await mkdir(DEFAULT_MANIFESTS, { recursive: true, mode: 0o700 });
  return DEFAULT_MANIFESTS;
}

function optionsOf(flags: AgentFlags, work: ChosenWork): WorkingOptions {
  const { models, modelsMax, state, llamaServer, memoryFraction, hostMemory, listen } = flags;
  const { apiKeyFile, claims, reserve, keepAwake } = flags;
  const { defaultState: defaulted, ...chosen } = work;
  return {
    ...chosen,
    models,
    state: canonicalPath(state ?? defaulted),
    claims,
    llamaServer,
    listen,
    ...(modelsMax === undefined ? {} : { modelsMaxBytes: modelsMax }),
    ...(memoryFraction === undefined ? {} : { memoryFraction }),
    ...(apiKeyFile === undefined ? {} : { apiKeyFile }),
    ...(hostMemory === undefined ? {} : { hostMemoryBytes: hostMemory }),
    ...(reserve === undefined ? {} : { reserveBytes: reserve }),
    ...(keepAwake === undefined ? {} : { keepAwake }),
  };
}
