import type { ListenAddress } from "../agent/http/listen.ts";
import { endProcess } from "../agent/lifecycle/end-process.ts";
import { runAgent } from "../agent/run.ts";
import type { AgentOptions } from "../agent/startup.ts";
import { defaultState } from "../agent/state/paths.ts";
import { type LogLevel, openLog } from "../agent/status/log-sink.ts";

/** What a person typed, parsed. */
export interface AgentFlags {
  readonly manifests?: string;
  readonly memoryFraction?: number;
  readonly apiKeyFile?: string;
  readonly hostMemory?: number;
  readonly models: string;
  readonly modelsMax?: number;
  readonly state?: string;
  readonly llamaServer: string;
  readonly listen: ListenAddress | "off";
  readonly json?: boolean;
  readonly logLevel: LogLevel;
}

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
const EXIT_INTERRUPTED_TWICE = 130;
const EXIT_FAULT = 70;

/** Runs the agent until a signal. Throws one sentence where it cannot begin. */
export async function run({ manifests, ...flags }: AgentFlags): Promise<void> {
  if (manifests === undefined) throw new Error("--manifests is required: name the folder of manifests");
  const [stop, kill] = [new AbortController(), new AbortController()];
  const log = await openLog(flags.json ? "json" : "text", flags.logLevel);
  const onSignal = () => {
    if (stop.signal.aborted) {
      // A second signal means: do not wait.
      kill.abort();
      endProcess(EXIT_INTERRUPTED_TWICE);
    }
    stop.abort();
  };
  const onFault = (error: unknown) => {
    const message = error instanceof Error ? error.message : String(error);
    log.fatal(`the agent failed: ${message}; its servers run on: start the agent again to have them watched`);
    endProcess(EXIT_FAULT);
  };
  for (const signal of SIGNALS) process.on(signal, onSignal);
  process.on("uncaughtException", onFault);
  try {
    const done = await runAgent(optionsOf({ ...flags, manifests }), log, { stop: stop.signal, kill: kill.signal });
    if (!done.ok) throw new Error(done.error);
  } finally {
    for (const signal of SIGNALS) process.off(signal, onSignal);
    process.off("uncaughtException", onFault);
  }
}

function optionsOf(flags: AgentFlags & { readonly manifests: string }): AgentOptions {
  const { manifests, models, modelsMax, state, llamaServer, memoryFraction, hostMemory, listen } = flags;
  const { apiKeyFile } = flags;
  return {
    manifests,
    models,
    state: state ?? defaultState(manifests),
    llamaServer,
    listen,
    ...(modelsMax === undefined ? {} : { modelsMaxBytes: modelsMax }),
    ...(memoryFraction === undefined ? {} : { memoryFraction }),
    ...(apiKeyFile === undefined ? {} : { apiKeyFile }),
    ...(hostMemory === undefined ? {} : { hostMemoryBytes: hostMemory }),
  };
}
