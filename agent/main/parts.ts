import type { Logger } from "pino";
import { type HostClaims, openClaims } from "../claims/host-claims.ts";
import { holdsNote } from "../claims/note.ts";
import { SLOTS_MS } from "../decisions/saved-slots.ts";
import { fileGate } from "../files/gate.ts";
import { contentStamp, type FileLooks, fileLooks, type Look } from "../files/looks.ts";
import { slowFiles } from "../files/slow.ts";
import { MAC } from "../host/darwin/mac-paths.ts";
import { type KeepAwake, keepAwake, NOT_KEPT_AWAKE } from "../keep-awake/keep-awake.ts";
import type { KernelLimit } from "../kernel-limit/kernel-limit.ts";
import { openKernelLimit } from "../kernel-limit/open.ts";
import { readBuild } from "../llama-server/build.ts";
import { installedServer, pathOfCommand } from "../llama-server/installed.ts";
import { readSupportedFlags } from "../llama-server/supported-flags.ts";
import {
  forgetSavedSlots,
  savedSlots as openSavedSlots,
  type SavedSlots,
  type SavedSlotsOptions,
} from "../supervisor/saved-slots.ts";
import { type Supervisor, supervisor } from "../supervisor/supervisor.ts";
import type { Work, WorkingOptions } from "../work/work.ts";
import { modelAccess } from "../workload/model-access.ts";
import type { GatewayFront } from "./gateway-door.ts";
import type { Notices } from "./report.ts";
import { type Host, neededOptions } from "./startup.ts";
import type { TakenOver } from "./take-over.ts";

/** What the agent is made of. */
export interface Parts {
  readonly processes: Supervisor;
  readonly work: Work;
  readonly claims: HostClaims;
  readonly notices: readonly Notices[];
  readonly keepAwake: KeepAwake;
  readonly limit: KernelLimit | undefined;
  /** The kernel's limit behind the watchdog, as text for the status. */
  readonly kernelCap: string;
}

/** What the agent as a whole tells its parts. */
export interface Surroundings {
  /** Ends downloads and the reading of headers. */
  readonly ending: AbortSignal;
  /** Aborted when a person ends the agent with its servers. */
  readonly stop: AbortSignal;
  /** Somebody else has taken over. Gets one sentence. */
  readonly lost: (sentence: string) => void;
  /** Why the reconcile loop cannot be relied on, as a sentence; undefined while it can. */
  readonly loopTrouble: () => string | undefined;
  /** Of the gateway; undefined without one. */
  readonly front: GatewayFront | undefined;
}

/**
 * Opens the parts of the agent, in the order in which they need each other. The caller holds the lock on the state folder.
 *
 * @param left what was taken over from an earlier agent
 */
export async function openParts(
  options: WorkingOptions,
  host: Host,
  left: TakenOver,
  log: Logger,
  { ending, stop, lost, loopTrouble, front }: Surroundings,
): Promise<Parts> {
  const { state: stateDirectory, llamaServer, models } = options;
  const { platform, allocatable } = host;
  const { adopted, unclear, heldBack, watchdog, awake, alarm, background } = left;
  const clock = () => performance.now();
  const changed = alarm.ring;
  const { limit, text: kernelCap } = await openKernelLimit(stateDirectory);
  if (limit === undefined) log.warn(`kernel limit: ${kernelCap}; only the watchdog enforces budgets`);
  const claims = await openClaims({
    ...{ folder: options.claims, stateDirectory, platform, allocatableBytes: allocatable.bytes },
    ...{ clock: awake, background, granted: changed },
  });
  const gate = fileGate(awake);
  const looks = fileLooks(gate, changed, awake);
  const server = installedServer({
    path: await pathOfCommand(llamaServer),
    options: host.supportedFlags,
    ask: () => readSupportedFlags(llamaServer, neededOptions(options)),
    askBuild: () => readBuild(llamaServer),
    ...{ looks, changed, clock: awake, now: () => new Date() },
  });
  // What a server asks to wait passes while this machine sleeps, too.
  const access = modelAccess({
    ...{ folder: models, gate, looks, changed, signal: ending, clock },
    say: (message) => log.warn(message),
  });
  const savedSlots = keptSlots(stateDirectory, front, { clock, background, looks, serverStamp: server.stamp });
  const processes = supervisor({
    ...{
      platform,
      allocatable,
      llamaServer,
      stateDirectory,
      kernelLimit: limit,
      adopted,
      unclear,
      claims,
      watchdog,
      background,
      heldBack,
      gateway: front?.demand,
      savedSlots,
    },
    ...{ clock: awake, wokeAt: awake.wokeAt, wake: changed },
    ...{ supportedFlags: server.options, serverStamp: server.stamp },
    models: { ...access, server: server.view, doubtServer: server.doubt },
  });
  const work = await options.openWork({
    ...{ options, host, log, stop, lost, changed, clock: awake },
    facts: () => ({ ...host.facts, options: server.options() }),
    running: processes.running,
    mayRun: (id) => processes.running().has(id) || unclear.holdOf(id) !== undefined,
    stored: access.stored,
    serverBuild: server.build,
    trouble: () => loopTrouble() ?? watchdog.trouble(),
    ...(front !== undefined && { gatewayMetrics: front.metrics }),
  });
  const awakeMac = options.keepAwake
    ? keepAwake({ caffeinate: MAC.caffeinate, pid: process.pid, clock })
    : NOT_KEPT_AWAKE;
  const notices: readonly Notices[] = [
    server,
    watchdog,
    { problems: processes.problems, notes: () => [] },
    { problems: heldBack.problems, notes: () => [] },
    awakeMac,
    { problems: () => slowFiles(gate), notes: () => [] },
    { problems: claims.problems, notes: () => claims.others().map(holdsNote) },
    ...work.notices,
  ];
  return { processes, work, claims, notices, limit, kernelCap, keepAwake: awakeMac };
}

interface Slots extends Pick<SavedSlotsOptions, "clock" | "background" | "serverStamp"> {
  readonly looks: FileLooks;
}

/** Without the flag nobody wants what an agent with it has left. */
function keptSlots(
  stateDirectory: string,
  front: GatewayFront | undefined,
  { looks, ...others }: Slots,
): SavedSlots | undefined {
  const limitBytes = front?.flags.savedSlotsBytes;
  if (limitBytes === undefined) {
    others.background("removing saved conversations", forgetSavedSlots(stateDirectory));
    return undefined;
  }
  const stampOf = (path: string) => stampIn(looks.look(path));
  return openSavedSlots({ stateDirectory, limitBytes, waitMs: SLOTS_MS, stampOf, ...others });
}

/** Undefined while nobody has looked. */
function stampIn(look: Look): string | undefined {
  return look.state === "found" ? contentStamp(look) : undefined;
}
