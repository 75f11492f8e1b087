import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import getPort from "get-port";
import type { HeldBack } from "../../agent/boot/held-back.ts";
import type { PressureLevel } from "../../agent/host/platform.ts";
import type { KernelLimit } from "../../agent/kernel-limit/kernel-limit.ts";
import type { AwakeClock } from "../../agent/lifecycle/awake-clock.ts";
import type { WorkloadStatus } from "../../agent/status/status.ts";
import type { AdoptedServer, SupervisorOptions, Unclear } from "../../agent/supervisor/options.ts";
import { type Supervisor, supervisor } from "../../agent/supervisor/supervisor.ts";
import type { Desired } from "../../agent/workload/desired.ts";
import type { Workload } from "../../agent/workload/workload.ts";
import { type WorkloadId, workloadId } from "../../agent/workload/workload-id.ts";
import { ok } from "../../api/result.ts";
import type { GgufHeader } from "../../gguf/header.ts";
import { gemmaHeader } from "../support/gemma-header.ts";
import { temporaryDirectory } from "../support/workspace.ts";
import { alone, aWorkload, background, fields, options } from "./samples.ts";
import { type Behaviour, type BehaviourOfOne, standIn } from "./stand-in.ts";
import { type StandInWatchdog, standInWatchdog } from "./stand-in-watchdog.ts";
import { thisPlatform } from "./this-platform.ts";

export const MIB = 2 ** 20;
export const MINUTE = 60_000;

/** The parts of the machine that a test controls. */
export interface Machine {
  pressure: PressureLevel | null;
  kernelLimit: KernelLimit | undefined;
  /** Whether the source has been read completely. */
  synced: boolean;
  /** Whether the watchdog makes its rounds: one that has just been started does not yet. */
  watched: boolean;
  footprint: (name: string) => number | null;
  /** The most that it has ever held; undefined as on Linux. */
  peak: (name: string) => number | undefined;
}

/** How the supervisor begins. Without a state folder it gets a temporary one. */
interface Opening {
  readonly stateDirectory?: string;
  readonly adopted?: readonly AdoptedServer[];
  readonly unclear?: Unclear;
  readonly heldBack?: HeldBack;
  /** Of every model. Default: that of Gemma 3 270M. */
  readonly header?: GgufHeader;
  /** Without them it is the only agent of its machine. */
  readonly claims?: SupervisorOptions["claims"];
  /** Without it no model sleeps. */
  readonly gateway?: SupervisorOptions["gateway"];
  /** Without it no conversation is saved. */
  readonly savedSlots?: SupervisorOptions["savedSlots"];
  /** What the supervisor is given in place of the test's clock. */
  readonly clockFrom?: (clock: () => number) => (() => number) & Partial<AwakeClock>;
}

/**
 * For a suite: a supervisor with stand-ins for llama-server and a clock that the test controls. Every test begins at normal memory
 * pressure and without workloads.
 */
export function stage() {
  const fresh: Machine = {
    ...{ pressure: "normal", kernelLimit: undefined, synced: true, watched: true, footprint: () => 150 * MIB },
    peak: () => undefined,
  };
  const machine: Machine = { ...fresh };
  const wanted = new Map<WorkloadId, Desired>();
  let now = 0;
  let processes: Supervisor | undefined;
  let watchdog: StandInWatchdog | undefined;
  const opened: Supervisor[] = [];
  let statuses: readonly WorkloadStatus[] = [];
  const terminated: WorkloadStatus[] = [];

  beforeEach(() => {
    now = 1_000_000;
    Object.assign(machine, fresh);
    wanted.clear();
    terminated.length = 0;
    statuses = [];
  });
  afterEach(() => {
    for (const each of opened.splice(0)) each.killAll();
  });

  const open = async (
    behaviour: Behaviour | BehaviourOfOne,
    {
      stateDirectory,
      adopted = [],
      header: own,
      claims = alone,
      clockFrom = (plain) => plain,
      ...others
    }: Opening = {},
  ) => {
    const platform = await thisPlatform();
    assert(platform.ok);
    const header = ok(own ?? (await gemmaHeader()));
    const clock = clockFrom(() => now);
    const pids = () => new Map(statuses.map(({ name, pid }) => [pid, name]));
    watchdog = standInWatchdog(
      (pid) => machine.footprint(pids().get(pid) ?? ""),
      () => now,
      (pid) => machine.peak(pids().get(pid) ?? ""),
    );
    processes = supervisor({
      platform: {
        ...platform.value,
        pressure: async () => machine.pressure,
      },
      allocatable: { bytes: 1024 * MIB, origin: "made up", byFraction: true },
      watchdog,
      llamaServer: await standIn(behaviour),
      supportedFlags: () => options,
      stateDirectory: stateDirectory ?? (await temporaryDirectory()),
      kernelLimit: machine.kernelLimit,
      adopted,
      claims,
      models: {
        server: () => ({ state: "usable", options }),
        doubtServer: () => {},
        header: () => ({ state: "read", header }),
        stored: () => ({ state: "ready", path: "/models/chat.gguf" }),
      },
      clock,
      ...(clock.wokeAt !== undefined && { wokeAt: clock.wokeAt }),
      background,
      ...others,
      wake: () => {},
    });
    opened.push(processes);
    return processes;
  };
  const want = async (name: string, part: Partial<Workload> = {}) => {
    const port = await getPort();
    const settings = { ...fields.settings, backend: "cpu" as const, parallel: 1 };
    const budget = { bytes: 512 * MIB, source: "crd-budget" } as const;
    const workload = aWorkload({ name, fields: { ...fields, name, port, settings }, budget, ...part });
    wanted.set(workload.id, { kind: "run", workload });
    return workload;
  };
  const change = (workload: Workload, part: Partial<Workload>) =>
    wanted.set(workload.id, { kind: "run", workload: { ...workload, ...part } });
  /** Lets time pass, in milliseconds, at the end of which the watchdog looks. */
  const pass = (later: number) => {
    now += later;
    if (machine.watched) watchdog?.round();
  };
  const tick = async (later = 1000) => {
    pass(later);
    const outcome = await processes?.tick({ workloads: wanted, synced: machine.synced });
    statuses = outcome?.workloads ?? [];
    terminated.push(...(outcome?.terminated ?? []));
  };
  const of = (name: string) => statuses.find((status) => status.name === name);
  /** Ticks until `holds`, one second of the injected clock each, with some real time for the processes in between. */
  const until = async (name: string, holds: (status: WorkloadStatus) => boolean) => {
    for (let ticks = 0; ticks < 300; ticks += 1) {
      await tick();
      const status = of(name);
      if (status !== undefined && holds(status)) return status;
      await sleep(30);
    }
    return assert.fail(`not reached; last: ${JSON.stringify(of(name))}`);
  };
  const inState = (state: string) => (status: WorkloadStatus) => status.state === state;
  const unwant = (name: string) => wanted.delete(workloadId(name));
  return { machine, wanted, unwant, terminated, open, want, change, pass, tick, of, until, inState, clock: () => now };
}
