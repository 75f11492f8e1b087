import { statSync } from "node:fs";
import { backOffMs, breachBackOff, breachesAfter, failuresAfter } from "../decisions/back-off.ts";
import { isSampleDue, NO_SAMPLES, withSample } from "../decisions/footprint.ts";
import { type Exit, exitReason, logTail } from "../llama-server/exit-reason.ts";
import { answers, isHealthy } from "../llama-server/probe.ts";
import { recordsFolder } from "../state/layout.ts";
import { fileNameOf } from "../workload/workload-id.ts";
import type { Entry } from "./entry.ts";
import { saveRecord } from "./follow.ts";
import { followBudget, limitMessage } from "./limit.ts";
import { truncateLog } from "./logs.ts";
import type { SupervisorOptions } from "./options.ts";
import { removeRecord } from "./records.ts";
import { answered, type Running, silent, unanswered } from "./running.ts";

/** Time between two health checks of a server that is Ready. */
const CHECK_MS = 10_000;

/** Observes one server: whether it has exited, how much memory it holds, and whether it answers. */
export async function observe(entry: Entry, options: SupervisorOptions): Promise<void> {
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

/** Starts a readiness or health probe in the background if one is due. */
function startProbe(entry: Entry, options: SupervisorOptions): void {
  const { running } = entry;
  if (running === undefined || running.phase === "stopping" || running.probing) return;
  const { background, clock } = options;
  if (running.phase === "starting") {
    background(`the readiness probe of ${entry.name}`, probe(entry, running, firstAnswer, options));
  } else if (clock() - (running.checkedAt ?? running.readyAt) >= CHECK_MS) {
    background(`the health check of ${entry.name}`, probe(entry, running, check, options));
  }
}

/** What a probe has found: the change that it makes to what is known of the server. */
type Finding = (current: Running) => Running;

async function probe(
  entry: Entry,
  running: Running,
  question: (running: Running, options: SupervisorOptions) => Promise<Finding>,
  options: SupervisorOptions,
): Promise<void> {
  entry.running = { ...running, probing: true };
  let finding: Finding = unanswered;
  try {
    finding = await question(running, options);
  } finally {
    const current = entry.running;
    // The process may have been replaced, or have exited, meanwhile.
    if (current?.process === running.process && current.process.exit() === undefined) {
      entry.running = withReadyRecord(finding(current), options);
      if (isChange(current, entry.running)) options.wake();
    }
  }
}

async function firstAnswer({ started }: Running, { clock }: SupervisorOptions): Promise<Finding> {
  const good = await answers({ ...started.fields, modelPath: started.modelPath });
  return good ? (current) => answered(current, clock()) : unanswered;
}

async function check({ started, process }: Running, { clock, platform }: SupervisorOptions): Promise<Finding> {
  const healthy = await isHealthy({ ...started.fields, modelPath: started.modelPath });
  try {
    truncateLog(process.logPath);
  } catch {
    // The disk is full: the next check truncates the log.
  }
  if (healthy) return (current) => answered(current, clock());
  const cpuSeconds = process.pid === undefined ? null : await platform.cpuSeconds(process.pid);
  const work = { cpuSeconds, logBytes: sizeOf(process.logPath) };
  return (current) => silent(current, work, clock());
}

function sizeOf(path: string): number | null {
  return statSync(path, { throwIfNoEntry: false })?.size ?? null;
}

/** Writes down, for the next agent, that a server has become ready. */
function withReadyRecord(running: Running, options: SupervisorOptions): Running {
  const { record, phase } = running;
  if (phase !== "ready" || record.served === undefined || record.served.ready) return running;
  return saveRecord({ ...running, record: { ...record, served: { ...record.served, ready: true } } }, options);
}

/** Whether the next tick has something new to decide on. */
function isChange(before: Running, now: Running): boolean {
  return before.phase !== now.phase || (now.phase === "ready" && now.failedChecks > 0);
}

/** Reasons for a stop that count as a failure of the server. */
const FAILURES: ReadonlySet<string> = new Set(["BudgetExceeded", "StartTimeout", "Unhealthy"]);

/** Applies the exit of a server and removes its record. A record that cannot be removed does no harm: its process is gone. */
function handleExit(entry: Entry, running: Running, exit: Exit, options: SupervisorOptions): void {
  try {
    applyExit(entry, running, exit, options);
  } finally {
    removeRecord(recordsFolder(options.stateDirectory), entry.id);
  }
}

function applyExit(entry: Entry, running: Running, exit: Exit, options: SupervisorOptions): void {
  const { kernelLimit, clock } = options;
  const now = clock();
  const stop = running.phase === "stopping" ? running.stop : undefined;
  const byKernel = stop === undefined ? limitMessage(running, exit, entry.footprint, kernelLimit) : undefined;
  kernelLimit?.release(fileNameOf(entry.id));
  entry.running = undefined;
  entry.footprint = NO_SAMPLES;
  if (stop !== undefined && (!FAILURES.has(stop.reason) || entry.stoppedFor !== entry.wanted)) return;
  const breach = byKernel ?? (stop?.reason === "BudgetExceeded" ? stop.message : undefined);
  if (breach !== undefined) {
    entry.breaches = breachesAfter(entry.breaches, now);
    entry.backOff = breachBackOff(entry.breaches, breach, now);
    return;
  }
  entry.failures = failuresAfter(entry.failures, running.phase === "starting" ? undefined : running.readyAt, now);
  const { reason, message } = stop ?? exitReason(exit, logTail(running.process.logPath));
  entry.backOff = { state: "BackOff", reason, message, until: now + backOffMs("crash", entry.failures) };
}
