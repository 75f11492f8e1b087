import { setTimeout as sleep } from "node:timers/promises";
import getPort from "get-port";
import type { GroupSample } from "../../agent/host/group-meter.ts";
import { openLinux } from "../../agent/host/linux/linux.ts";
import { processBytes } from "../../agent/host/linux/meter.ts";
import { openKernelLimit } from "../../agent/kernel-limit/open.ts";
import { supervisor } from "../../agent/supervisor/supervisor.ts";
import { openWatchdog } from "../../agent/watchdog/watchdog.ts";
import type { Desired } from "../../agent/workload/desired.ts";
import type { WorkloadId } from "../../agent/workload/workload-id.ts";
import { MiB } from "../../api/bytes.ts";
import { readHeader } from "../../gguf/read.ts";
import { alone, aWorkload, background, fields, options } from "../../test/agent/samples.ts";
import { type Growth, standIn } from "../../test/agent/stand-in.ts";
import { temporaryDirectory } from "../../test/support/workspace.ts";
import { ensureTool } from "../../toolchain/ensure.ts";

const BUDGET_BYTES = 512 * MiB;
const TICK_MS = 1000;

export interface Overshoot {
  readonly growth: Growth;
  readonly cap: string;
  /** The largest footprint above the budget before the process was gone. */
  readonly overBytes: number;
  /** From the first sample above the budget to the end of the process. */
  readonly overMs: number;
}

/** A process that grows without end under a budget of 512 MiB, with the watchdog alone or with the kernel behind it. */
export async function overshoot(growth: Growth, behind: "kernel" | "nothing"): Promise<Overshoot> {
  const platform = await openLinux();
  if (!platform.ok) throw new Error(platform.error);
  const { limit, text } = behind === "kernel" ? await openKernelLimit(await temporaryDirectory()) : { text: "none" };
  const header = await readHeader(await ensureTool("gemma3-270m", () => {}));
  const stateDirectory = await temporaryDirectory();
  const clock = () => performance.now();
  const watchdog = openWatchdog({ stateDirectory, clock, say: () => {}, wake: () => {} });
  const processes = supervisor({
    watchdog,
    platform: platform.value,
    kernelLimit: limit,
    adopted: [],
    claims: alone,
    allocatable: { bytes: 8 * 1024 * MiB, origin: "made up", byFraction: true },
    llamaServer: await standIn(growth),
    supportedFlags: () => options,
    stateDirectory,
    models: {
      server: () => ({ state: "usable", options }),
      doubtServer: () => {},
      header: () => ({ state: "read", header }),
      stored: () => ({ state: "ready", path: "/models/chat.gguf" }),
    },
    clock,
    background,
    wake: () => {},
  });
  const settings = { ...fields.settings, backend: "cpu" as const, parallel: 1 };
  const budget = { bytes: BUDGET_BYTES, source: "crd-budget" } as const;
  const workload = aWorkload({ fields: { ...fields, port: await getPort(), settings }, budget });
  const workloads = new Map<WorkloadId, Desired>([[workload.id, { kind: "run", workload }]]);
  const wanted = { workloads, synced: true };
  try {
    let pid: number | undefined;
    while (pid === undefined) pid = (await processes.tick(wanted)).workloads[0]?.pid;
    const seen = watch(pid, processBytes);
    while ((await processes.tick(wanted)).workloads[0]?.pid === pid) await sleep(TICK_MS);
    return { growth, cap: text, ...(await seen) };
  } finally {
    processes.killAll();
    await watchdog.close();
    limit?.close();
  }
}

/** Samples the footprint as often as possible until the process is gone. */
async function watch(pid: number, footprint: (pid: number) => GroupSample) {
  let overBytes = 0;
  let overSince: number | undefined;
  for (;;) {
    const bytes = footprint(pid);
    if (typeof bytes !== "number") break;
    if (bytes > BUDGET_BYTES) overSince ??= performance.now();
    overBytes = Math.max(overBytes, bytes - BUDGET_BYTES);
    await sleep(2);
  }
  return { overBytes, overMs: overSince === undefined ? 0 : performance.now() - overSince };
}
