import type { ListenAddress } from "../agent/http/listen.ts";
import { endProcess } from "../agent/lifecycle/end-process.ts";
import { runAgent } from "../agent/run.ts";
import type { AgentOptions } from "../agent/startup.ts";
import { canonicalPath } from "../agent/state/canonical-path.ts";
import { defaultState } from "../agent/state/paths.ts";
import { type Log, type LogLevel, openLog } from "../agent/status/log.ts";
import { OWN_LOG } from "../manifests/names.ts";
import { keepOwnLog } from "./own-log.ts";
import { takeSignals } from "./signals.ts";

/** What a person typed, parsed. */
export interface AgentFlags {
  readonly manifests?: string;
  readonly memoryFraction?: number;
  readonly apiKeyFile?: string;
  readonly hostMemory?: number;
  readonly reserve?: number;
  readonly keepAwake?: true;
  readonly models: string;
  readonly modelsMax?: number;
  readonly state?: string;
  readonly claims: string;
  readonly llamaServer: string;
  readonly listen: ListenAddress | "off";
  readonly json?: boolean;
  readonly logLevel: LogLevel;
}

const EXIT_FAULT = 70;
const EXIT_LOST = 2;
/** How long the agent waits for a terminal or pipe to take its last lines. */
const LAST_LINES_MS = 500;
/** How long it waits for what is still under way. */
const LAST_WORK_MS = 2000;

/** Runs the agent until a signal, and then ends this process. Throws one sentence where it cannot begin. */
export async function run({ manifests, ...flags }: AgentFlags): Promise<void> {
  if (manifests === undefined) throw new Error("--manifests is required: name the folder of manifests");
  const log = await openLog(flags.json ? "json" : "text", flags.logLevel);
  const { signals, off } = takeSignals({ end: endProcess, say: (message) => log.logger.info(message) });
  const faults = takeFaults(log);
  const endKeeping = keepOwnLog(process.env[OWN_LOG], (message) => log.logger.warn(message));
  try {
    const done = await runAgent(optionsOf({ ...flags, manifests }), log.logger, signals);
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

function optionsOf(flags: AgentFlags & { readonly manifests: string }): AgentOptions {
  const { manifests, models, modelsMax, state, llamaServer, memoryFraction, hostMemory, listen } = flags;
  const { apiKeyFile, claims, reserve, keepAwake } = flags;
  return {
    manifests,
    models,
    state: canonicalPath(state ?? defaultState(manifests)),
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
