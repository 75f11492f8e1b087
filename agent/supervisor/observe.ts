import { isSampleDue, withSample } from "../decisions/footprint.ts";
import type { Entry } from "./entry.ts";
import { handleExit } from "./exit.ts";
import { followBudget } from "./limit.ts";
import type { SupervisorOptions } from "./options.ts";
import { type Probing, startProbe } from "./probing.ts";
import type { Running } from "./running.ts";

/** Observes one server: whether it has exited, how much memory it holds, and whether it answers. */
export async function observe(entry: Entry, options: SupervisorOptions & Probing): Promise<void> {
  const { running } = entry;
  if (running === undefined) return;
  const exit = running.process.exit();
  if (exit !== undefined) return handleExit(entry, running, exit, options);
  await measure(entry, running, options);
  startProbe(entry, options);
}

async function measure(entry: Entry, running: Running, options: SupervisorOptions): Promise<void> {
  const { platform, kernelLimit, clock } = options;
  const now = clock();
  if (!isSampleDue(entry.footprint, now)) return;
  const { pid } = running.process;
  const sample = pid === undefined ? null : await platform.footprintBytes(pid);
  // A process that exited during the sample must not count as one that cannot be measured.
  if (running.process.exit() !== undefined || entry.running === undefined) return;
  entry.footprint = withSample(entry.footprint, sample, running.inForce.budget.bytes, now);
  if (kernelLimit === undefined) return;
  entry.running = { ...entry.running, limitBytes: followBudget(entry.running, entry.footprint, kernelLimit) };
}
