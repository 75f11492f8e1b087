import type { ListenAddress } from "../../api/listen.ts";
import { formatBytes } from "../../api/quantity.ts";
import { fail, ok, type Result } from "../../api/result.ts";
import { type Allocatable, resolveAllocatable } from "../../memory/allocatable.ts";
import type { Platform } from "../host/platform.ts";
import { readApiKeys } from "../llama-server/api-key.ts";
import { LIST_DEVICES, type MetalDevice, readMetalDevice } from "../llama-server/devices.ts";
import { readSupportedFlags, type SupportedFlags } from "../llama-server/supported-flags.ts";
import type { HostFacts } from "../workload/workload.ts";

export interface HostOptions {
  readonly llamaServer: string;
  /** Share of the host memory, above 0 and at most 1: the default budget of each model, and what all models together may use. */
  readonly memoryFraction?: number;
  /** File with the API keys of the servers, one per line. */
  readonly apiKeyFile?: string;
  /** Each server asks for API keys of its own. */
  readonly ownApiKeys?: boolean;
  /** Used instead of the physical memory of this machine, in bytes. Capped at the physical memory. */
  readonly hostMemoryBytes?: number;
  /** What stays with the system, in bytes; default: that of `resolveAllocatable`. */
  readonly reserveBytes?: number | undefined;
  /** Whether the machine is to be kept awake while a model is Ready; on macOS only. */
  readonly keepAwake?: boolean | undefined;
}

/** Options of the agent. All paths are absolute. */
export interface AgentOptions extends HostOptions {
  readonly models: string;
  /** Downloaded models that no manifest names are removed above this many bytes. Undefined: none is removed. */
  readonly modelsMaxBytes?: number;
  readonly state: string;
  /** Folder in which all agents of this machine say how much memory they hold. */
  readonly claims: string;
  readonly listen: ListenAddress | "off";
  /** Undefined: there is none. */
  readonly gateway?: GatewayFlags | undefined;
}

/** One port for every model. */
export interface GatewayFlags {
  readonly listen: ListenAddress;
  /** File of the keys that its clients need; undefined: they need none. */
  readonly keysFile: string | undefined;
  /** Time without a request after which a model unloads, in milliseconds; undefined: none does by itself. */
  readonly idleUnloadMs: number | undefined;
  /** What saved conversations may take on disk, in bytes; undefined: none is saved. */
  readonly savedSlotsBytes?: number | undefined;
}

/** How a person ends the agent. If it ends in any other way, its servers keep running and the next agent adopts them. */
export interface AgentSignals {
  /** Stops every server with its grace period, then ends. */
  readonly stop: AbortSignal;
  /** Ends the agent alone: its servers keep running, for the next agent to adopt. */
  readonly leave: AbortSignal;
  /** Kills every server at once. */
  readonly kill: AbortSignal;
}

/** What the agent must know before it starts. */
export interface Host {
  readonly platform: Platform;
  readonly facts: HostFacts;
  readonly supportedFlags: SupportedFlags;
  /** What all models together may use, and where that limit comes from. */
  readonly allocatable: Allocatable;
  /** A warning about the options, as a sentence. */
  readonly warning: string | undefined;
}

/** Inspects the llama-server of this machine. Fails with one sentence if no model can be held to a budget here. */
export async function inspectHost(options: HostOptions, platform: Platform): Promise<Result<Host>> {
  const { llamaServer } = options;
  const isMac = platform.backend === "metal";
  if (options.keepAwake && !isMac) {
    return fail("--keep-awake needs the caffeinate of macOS, and this is no Mac: leave it out");
  }
  // First whether it is a llama-server, and one that can be asked for its devices.
  const needed = [...neededOptions(options), ...(isMac ? [LIST_DEVICES] : [])];
  const supportedFlags = await readSupportedFlags(llamaServer, needed);
  if (!supportedFlags.ok) return supportedFlags;
  const device = isMac ? await readMetalDevice(llamaServer) : ok(undefined);
  if (!device.ok) return device;
  const { apiKeyFile } = options;
  const key = apiKeyFile === undefined ? undefined : await readApiKeys(apiKeyFile);
  if (key?.ok === false) return key;
  const facts = factsOf(platform, device.value, supportedFlags.value, options);
  const allocatable = resolveAllocatable({
    ...facts,
    physicalMemoryBytes: platform.hostMemoryBytes,
    reserveBytes: options.reserveBytes,
  });
  if (!allocatable.ok) return allocatable;
  const warning = claimWarning(options.hostMemoryBytes, platform);
  return ok({
    platform,
    facts,
    supportedFlags: supportedFlags.value,
    allocatable: allocatable.value,
    warning,
  });
}

/** Options of llama-server that these options of the agent need. */
export function neededOptions({
  apiKeyFile,
  ownApiKeys,
}: Pick<HostOptions, "apiKeyFile" | "ownApiKeys">): readonly string[] {
  return apiKeyFile === undefined && !ownApiKeys ? [] : ["--api-key-file"];
}

function claimWarning(claimed: number | undefined, { hostMemoryBytes }: Platform): string | undefined {
  if (claimed === undefined || claimed <= hostMemoryBytes) return undefined;
  const [asked, real] = [claimed, hostMemoryBytes].map(formatBytes);
  return `--host-memory ${asked} is more than this machine has; using ${real}`;
}

function factsOf(
  { backend, ...platform }: Platform,
  device: MetalDevice | undefined,
  supportedFlags: SupportedFlags,
  { hostMemoryBytes, memoryFraction, apiKeyFile }: HostOptions,
): HostFacts {
  return {
    backend,
    options: supportedFlags,
    hostMemoryBytes: Math.min(hostMemoryBytes ?? Number.POSITIVE_INFINITY, platform.hostMemoryBytes),
    ...(device === undefined ? {} : { workingSetBytes: device.workingSetBytes }),
    // With private buffers, a setting of ggml for tests, the GPU's buffer has another name than the GPU.
    ...(device === undefined || "GGML_METAL_SHARED_BUFFERS_DISABLE" in process.env ? {} : { deviceName: device.name }),
    ...(memoryFraction === undefined ? {} : { agentFraction: memoryFraction }),
    ...(apiKeyFile === undefined ? {} : { apiKeyFile }),
  };
}
