import { uptime } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "pino";
import { openHeldBack } from "./boot/held-back.ts";
import { reportsOf } from "./boot/reports-of-mac.ts";
import { type HostClaims, openClaims } from "./claims/host-claims.ts";
import { holdsNote } from "./claims/note.ts";
import { fileGate } from "./files/gate.ts";
import { fileLooks } from "./files/looks.ts";
import { slowFiles } from "./files/slow.ts";
import { MAC } from "./host/darwin/mac-paths.ts";
import { type KeepAwake, keepAwake, NOT_KEPT_AWAKE } from "./keep-awake/keep-awake.ts";
import type { KernelLimit } from "./kernel-limit/kernel-limit.ts";
import { openKernelLimit } from "./kernel-limit/open.ts";
import { type Alarm, alarmClock } from "./lifecycle/alarm.ts";
import { awakeClock } from "./lifecycle/awake-clock.ts";
import { backgroundWork } from "./lifecycle/background.ts";
import { readBuild } from "./llama-server/build.ts";
import { installedServer, pathOfCommand } from "./llama-server/installed.ts";
import { readSupportedFlags } from "./llama-server/supported-flags.ts";
import type { Notices } from "./report.ts";
import { openDirectory } from "./sources/directory/directory.ts";
import type { WorkSource } from "./sources/source.ts";
import { type AgentOptions, type Host, neededOptions } from "./startup.ts";
import { removeStaleTempFiles } from "./state/stale-temp-files.ts";
import { adoptAll } from "./supervisor/adopt.ts";
import { holdingOfAdopted } from "./supervisor/holding.ts";
import type { AdoptedServer } from "./supervisor/options.ts";
import { ranInAnotherBoot } from "./supervisor/ran-before.ts";
import { type Supervisor, supervisor } from "./supervisor/supervisor.ts";
import { unclearRecords } from "./supervisor/unclear.ts";
import { openWatchdog, type Watchdog } from "./watchdog/watchdog.ts";
import { modelAccess } from "./workload/model-access.ts";

/** What the agent is made of. From here on the servers that an earlier agent left are watched; nothing decides on them yet. */
export interface Parts {
  readonly processes: Supervisor;
  readonly source: WorkSource;
  readonly watchdog: Watchdog;
  readonly claims: HostClaims;
  readonly notices: readonly Notices[];
  readonly keepAwake: KeepAwake;
  /** Wakes the reconcile loop. */
  readonly alarm: Alarm;
  readonly limit: KernelLimit | undefined;
  /** The kernel's limit behind the watchdog, as text for the status. */
  readonly kernelCap: string;
}

/**
 * Opens the parts of the agent, in the order in which they need each other. The caller holds the lock on the state folder.
 *
 * @param ending ends downloads and the reading of headers
 */
export async function openParts(options: AgentOptions, host: Host, log: Logger, ending: AbortSignal): Promise<Parts> {
  const { state: stateDirectory, llamaServer, models } = options;
  const { platform, allocatable } = host;
  const clock = () => performance.now();
  const awake = awakeClock(clock);
  const alarm = alarmClock();
  const changed = alarm.ring;
  const background = backgroundWork((message) => log.error(message));
  removeStaleTempFiles(stateDirectory);
  const { limit, text: kernelCap } = await openKernelLimit(stateDirectory);
  if (limit === undefined) log.warn(`kernel limit: ${kernelCap}; only the watchdog enforces budgets`);
  const claims = await openClaims({
    ...{ folder: options.claims, stateDirectory, platform, allocatableBytes: allocatable.bytes },
    ...{ clock: awake, background, granted: changed },
  });
  const watchdog = openWatchdog({ stateDirectory, clock: awake, say: (message) => log.warn(message), wake: changed });
  const heldBack = openHeldBack({
    ...{ stateDirectory, bootId: platform.bootId, ran: await ranInAnotherBoot(stateDirectory, platform.bootId) },
    ...{ reports: reportsOf({ folder: MAC.diagnosticReports, clock }), uptimeMs: () => uptime() * 1000 },
    ...{ wait: (milliseconds) => sleep(milliseconds, undefined, { ref: false }), background, changed },
  });
  const hold = (those: readonly AdoptedServer[]) => watchdog.hold(holdingOfAdopted(those, claims.shareBytes(), awake));
  const adopting = { stateDirectory, platform, background, log, ended: changed };
  const unclear = unclearRecords(adopting, changed);
  const adopted = await adoptAll({ ...adopting, hold, unclear: unclear.add });
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
  const access = modelAccess({ folder: models, gate, looks, changed, signal: ending, clock });
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
    },
    ...{ clock: awake, wokeAt: awake.wokeAt, wake: changed },
    ...{ supportedFlags: server.options, serverStamp: server.stamp },
    models: { ...access, server: server.view, doubtServer: server.doubt },
  });
  const source = await openDirectory({
    folder: options.manifests,
    host: () => ({ ...host.facts, options: server.options() }),
    ...{ running: processes.running, changed, clock: awake },
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
  ];
  return { processes, source, watchdog, claims, notices, alarm, limit, kernelCap, keepAwake: awakeMac };
}
