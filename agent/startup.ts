import { formatBytes } from "../api/quantity.ts";
import { fail, ok, type Result } from "../api/result.ts";
import { type Allocatable, resolveAllocatable } from "../memory/allocatable.ts";
import { openPlatform } from "./host/open.ts";
import type { Platform } from "./host/platform.ts";
import type { ListenAddress } from "./http/listen.ts";
import { readApiKey } from "./llama-server/api-key.ts";
import { readSupportedFlags, type SupportedFlags } from "./llama-server/supported-flags.ts";
import type { HostFacts } from "./workload/workload.ts";

export interface HostOptions {
  readonly llamaServer: string;
  /** Above 0, at most 1: each model's default budget, and what all of them share. */
  readonly memoryFraction?: number;
  /** Keys for the servers, one a line. */
  readonly apiKeyFile?: string;
  /** In place of the machine's physical memory, in bytes; never more than that. */
  readonly hostMemoryBytes?: number;
}

/** Paths are absolute. */
export interface AgentOptions extends HostOptions {
  readonly manifests: string;
  readonly models: string;
  /** Above this many bytes downloaded models that no manifest wants are removed; nothing is without it. */
  readonly modelsMaxBytes?: number;
  readonly state: string;
  readonly listen: ListenAddress | "off";
}

/** A person's two words to the agent. Whatever else ends it leaves the servers running: the next agent adopts them. */
export interface AgentSignals {
  /** Drains every server, then ends. */
  readonly stop: AbortSignal;
  /** Kills every server at once. */
  readonly kill: AbortSignal;
}

/** What an agent is to know before it begins. */
export interface Host {
  readonly platform: Platform;
  readonly facts: HostFacts;
  readonly supportedFlags: SupportedFlags;
  /** What all models share, and where that comes from. */
  readonly allocatable: Allocatable;
  readonly allocatableBytes: number;
  /** What a person should know of the options, as a sentence. */
  readonly warning: string | undefined;
}

/** Looks at the machine and the llama-server on it. Fails with one sentence where no model could be held to a budget here. */
export async function inspectHost(options: HostOptions): Promise<Result<Host>> {
  const platform = await openPlatform(options.llamaServer);
  if (!platform.ok) return platform;
  const supportedFlags = await readSupportedFlags(options.llamaServer);
  if (!supportedFlags.ok) return supportedFlags;
  const { apiKeyFile } = options;
  const key = apiKeyFile === undefined ? undefined : await readApiKey(apiKeyFile);
  if (key?.ok === false) return key;
  if (key !== undefined && !supportedFlags.value.has("--api-key-file")) {
    return fail(`${options.llamaServer} has no --api-key-file: update llama.cpp`);
  }
  const facts = factsOf(platform.value, supportedFlags.value, options);
  const allocatable = resolveAllocatable({ ...facts, physicalMemoryBytes: platform.value.hostMemoryBytes });
  if (!allocatable.ok) return allocatable;
  const warning = claimWarning(options.hostMemoryBytes, platform.value);
  return ok({
    platform: platform.value,
    facts,
    supportedFlags: supportedFlags.value,
    allocatable: allocatable.value,
    allocatableBytes: allocatable.value.bytes,
    warning,
  });
}

function claimWarning(claimed: number | undefined, { hostMemoryBytes }: Platform): string | undefined {
  if (claimed === undefined || claimed <= hostMemoryBytes) return undefined;
  const [asked, real] = [claimed, hostMemoryBytes].map(formatBytes);
  return `--host-memory ${asked} is more than this machine has: counting on ${real}`;
}

function factsOf(
  platform: Platform,
  supportedFlags: SupportedFlags,
  { hostMemoryBytes, memoryFraction, apiKeyFile }: HostOptions,
): HostFacts {
  const { backend, workingSetBytes } = platform;
  return {
    backend,
    options: supportedFlags,
    hostMemoryBytes: Math.min(hostMemoryBytes ?? Number.POSITIVE_INFINITY, platform.hostMemoryBytes),
    ...(workingSetBytes === undefined ? {} : { workingSetBytes }),
    ...(memoryFraction === undefined ? {} : { agentFraction: memoryFraction }),
    ...(apiKeyFile === undefined ? {} : { apiKeyFile }),
  };
}
