import type { ListenAddress } from "../agent/http/listen.ts";
import { type AgentOptions, runAgent } from "../agent/run.ts";
import { defaultState } from "../agent/state/paths.ts";
import { type LogLevel, openLog } from "../agent/status/log.ts";

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

/** Runs the agent until a signal. Throws one sentence where it cannot begin. */
export async function run({ manifests, ...flags }: AgentFlags): Promise<void> {
  if (manifests === undefined) throw new Error("--manifests is required: name the folder of manifests");
  const stop = new AbortController();
  const onSignal = () => {
    // A second signal means: do not wait. The exit handler of the agent kills what is left.
    if (stop.signal.aborted) process.exit(EXIT_INTERRUPTED_TWICE);
    stop.abort();
  };
  for (const signal of SIGNALS) process.on(signal, onSignal);
  try {
    const log = await openLog(flags.json ? "json" : "text", flags.logLevel);
    const done = await runAgent(optionsOf({ ...flags, manifests }), log, stop.signal);
    if (!done.ok) throw new Error(done.error);
  } finally {
    for (const signal of SIGNALS) process.off(signal, onSignal);
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
