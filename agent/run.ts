import type { Logger } from "pino";
import { formatBytes } from "../api/quantity.ts";
import { fail, ok, type Result } from "../api/result.ts";
import { headerCacheFolder } from "../gguf/header-cache.ts";
import { readHeader } from "../gguf/read.ts";
import { type Allocatable, describeAllocatable, resolveAllocatable } from "../memory/allocatable.ts";
import { backgroundWork } from "./background.ts";
import type { Pressure } from "./decisions/pressure.ts";
import { lastReading } from "./host/last-reading.ts";
import { openPlatform } from "./host/open.ts";
import type { Platform } from "./host/platform.ts";
import type { ListenAddress } from "./http/listen.ts";
import { openStatusServer, type StatusServer } from "./http/status-server.ts";
import { openKernelLimit } from "./kernel-limit/open.ts";
import { readApiKey } from "./llama-server/api-key.ts";
import { readSupportedFlags, type SupportedFlags } from "./llama-server/supported-flags.ts";
import { alarmClock, reconcileLoop } from "./loop.ts";
import { openDirectory } from "./sources/directory/directory.ts";
import { desiredWorkloads } from "./sources/directory/join.ts";
import { lockState } from "./state/lock.ts";
import { removeStaleTempFiles } from "./state/stale-temp-files.ts";
import { logChanges } from "./status/log.ts";
import { type AgentStatus, type WorkloadStatus, writeStatus } from "./status/status.ts";
import { collectRegularly } from "./store/collect.ts";
import { modelStore } from "./store/store.ts";
import { adoptAll } from "./supervisor/adoption.ts";
import { supervisor } from "./supervisor/loop.ts";
import { recordsFolder } from "./supervisor/start.ts";
import type { Desired } from "./workload/desired.ts";
import { headerCache } from "./workload/headers.ts";
import { wantedFiles } from "./workload/model-files.ts";
import type { HostFacts, Workload } from "./workload/workload.ts";
import { workloadId } from "./workload/workload-id.ts";

/** Paths are absolute. */
export interface AgentOptions {
  readonly manifests: string;
  readonly models: string;
  /** Above this many bytes downloaded models that no manifest wants are removed; nothing is without it. */
  readonly modelsMaxBytes?: number;
  readonly state: string;
  readonly llamaServer: string;
  /** Above 0, at most 1: each model's default budget, and what all of them share. */
  readonly memoryFraction?: number;
  /** Keys for the servers, one a line. */
  readonly apiKeyFile?: string;
  /** In place of the machine's physical memory, in bytes; never more than that. */
  readonly hostMemoryBytes?: number;
  readonly listen: ListenAddress | "off";
}

/**
 * Runs until `stop` is aborted, then stops every server it started. Fails with one sentence where it cannot begin at all;
 * whatever happens later is said in the status and the log.
 */
export async function runAgent(options: AgentOptions, log: Logger, stop: AbortSignal): Promise<Result<void>> {
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
  const node = hostFactsOf(platform.value, supportedFlags.value, options);
  const allocatable = resolveAllocatable({ ...node, physicalMemoryBytes: platform.value.hostMemoryBytes });
  if (!allocatable.ok) return allocatable;
  const { hostMemoryBytes: claimed = 0 } = options;
  if (claimed > platform.value.hostMemoryBytes) {
    const real = formatBytes(platform.value.hostMemoryBytes);
    log.warn(`--host-memory ${formatBytes(claimed)} is more than this machine has: counting on ${real}`);
  }
  const ending = new AbortController();
  stop.addEventListener("abort", () => ending.abort());
  if (stop.aborted) ending.abort();
  const lock = await lockState(options.state, () => {
    log.error("the lock on the state folder was lost: stopping");
    ending.abort();
  });
  if (!lock.ok) return lock;
  try {
    await supervise(options, platform.value, node, allocatable.value, log, ending.signal);
    return stop.aborted ? ok(undefined) : fail("another process took the state folder over");
  } finally {
    await lock.value().catch(() => {});
  }
}

function hostFactsOf(
  platform: Platform,
  supportedFlags: SupportedFlags,
  { hostMemoryBytes, memoryFraction, apiKeyFile }: AgentOptions,
): HostFacts {
  const { backend, workingSetBytes } = platform;
  const known = {
    backend,
    options: supportedFlags,
    hostMemoryBytes: Math.min(hostMemoryBytes ?? Infinity, platform.hostMemoryBytes),
  };
  return {
    ...known,
    ...(workingSetBytes === undefined ? {} : { workingSetBytes }),
    ...(memoryFraction === undefined ? {} : { agentFraction: memoryFraction }),
    ...(apiKeyFile === undefined ? {} : { apiKeyFile }),
  };
}

async function supervise(
  options: AgentOptions,
  platform: Platform,
  node: HostFacts,
  allocatable: Allocatable,
  log: Logger,
  stop: AbortSignal,
): Promise<void> {
  const alarm = alarmClock();
  const background = backgroundWork((message) => log.error(message));
  removeStaleTempFiles(options.state);
  stop.addEventListener("abort", alarm.ring);
  const { cap, text: kernelCap } = await openKernelLimit(options.state);
  if (cap === undefined) log.warn(`nothing stands behind the watchdog: ${kernelCap}`);
  const { adopted, ended } = await adoptAll(recordsFolder(options.state), platform, background, alarm.ring);
  for (const { workload, server } of adopted) {
    log.info(
      { workload: workload.name },
      `${workload.name}: goes on with the server of an earlier agent, pid ${server.pid}`,
    );
  }
  for (const name of ended) log.warn({ workload: name }, `${name}: ended what an earlier agent left behind`);
  const processes = supervisor({
    platform,
    cap,
    adopted,
    allocatableBytes: allocatable.bytes,
    llamaServer: options.llamaServer,
    supportedFlags: node.options,
    stateDirectory: options.state,
    resources: {
      header: headerCache(
        (source) => readHeader(source, { signal: stop, cacheFolder: headerCacheFolder() }),
        alarm.ring,
      ),
      stored: modelStore(options.models, alarm.ring, stop),
    },
    background,
    clock: () => performance.now(),
    wake: alarm.ring,
  });
  process.once("exit", processes.killAll);
  const window = await openStatusServer(options.listen);
  if (window.problem !== undefined) log.warn(window.problem);
  if (window.url !== undefined) log.info(`status page at ${window.url}`);
  const available = lastReading(platform.availableBytes);
  const source = await openDirectory(options.manifests, alarm.ring);
  const collection = {
    folder: options.models,
    maxBytes: options.modelsMaxBytes,
    wanted: () => {
      const { manifests, problems } = source.current();
      return problems.length > 0 ? undefined : wantedFiles(manifests);
    },
    say: (message: string) => log.info(message),
  };
  background("removing unused models", collectRegularly(collection, stop));
  const agent = {
    pid: process.pid,
    startedAt: new Date().toISOString(),
    hostMemoryBytes: node.hostMemoryBytes ?? platform.hostMemoryBytes,
    allocatableBytes: allocatable.bytes,
    backend: platform.backend,
    kernelCap,
    ...(window.url === undefined ? {} : { pageUrl: window.url }),
  };
  log.info(`watching ${options.manifests}; models may use ${describeAllocatable(allocatable)} together`);
  const problems = new Set<string>();
  let shown: readonly WorkloadStatus[] = [];
  const report = async (workloads: readonly WorkloadStatus[], seconds: number) => {
    logChanges(log, shown, workloads);
    shown = workloads;
    const current = source.current().problems;
    for (const problem of current) if (!problems.has(problem)) log.warn(problem);
    problems.clear();
    for (const problem of current) problems.add(problem);
    const updatedAt = new Date().toISOString();
    const status: AgentStatus = {
      agent: {
        ...agent,
        ...reading(available(), agent.hostMemoryBytes),
        ...level(processes.pressure()),
        updatedAt,
        problems: said(current, window),
      },
      workloads: [...workloads],
    };
    window.show(status, seconds);
    await writeStatus(options.state, status);
  };
  try {
    await reconcileLoop(
      processes,
      () => {
        const { manifests, problems } = source.current();
        const running = new Set([...processes.running()].map(workloadId));
        const desired = desiredWorkloads(manifests, node, running);
        return problems.length === 0 ? desired : withUnconfirmed(desired, processes.unconfirmed());
      },
      report,
      alarm,
      log,
      stop,
    );
  } finally {
    await source.close();
    await window.close();
    processes.killAll();
    process.off("exit", processes.killAll);
    cap?.close();
  }
}

/**
 * While manifests cannot be read, what an earlier agent left runs on (T6): that one is not among what is wanted, or its Model is
 * not, may be ignorance.
 */
function withUnconfirmed(
  desired: ReadonlyMap<string, Desired>,
  unconfirmed: ReadonlyMap<string, Workload>,
): ReadonlyMap<string, Desired> {
  const kept = [...unconfirmed].filter(([name]) => {
    const known = desired.get(name);
    return known === undefined || (known.kind === "refused" && known.state === "Pending");
  });
  return new Map([...desired, ...kept.map(([name, workload]) => [name, { kind: "run", workload }] as const)]);
}

function level({ level: read, unknown }: Pressure): Pick<AgentStatus["agent"], "pressure"> {
  return read === null || unknown ? {} : { pressure: read };
}

/** A container may have less memory than its machine has available. */
function reading(availableBytes: number | null, hostMemoryBytes: number): { availableBytes?: number } {
  return availableBytes === null ? {} : { availableBytes: Math.min(availableBytes, hostMemoryBytes) };
}

function said(problems: readonly string[], { problem }: StatusServer): string[] {
  return problem === undefined ? [...problems] : [...problems, problem];
}
