import { statSync } from "node:fs";
import { backOffMs, breachBackOff, breachesAfter, failuresAfter } from "../decisions/back-off.ts";
import { isSampleDue, NO_SAMPLES, withSample } from "../decisions/footprint.ts";
import { type Exit, exitReason, logTail } from "../llama-server/exit-reason.ts";
import { answers, isHealthy } from "../llama-server/probe.ts";
import { recordsFolder } from "../state/layout.ts";
import { fileNameOf } from "../workload/workload-id.ts";
import type { Entry } from "./entry.ts";
import { recorded } from "./follow.ts";
import { followBudget, limitMessage } from "./limit.ts";
import { bounded } from "./logs.ts";
import type { SupervisorOptions } from "./options.ts";
import { removeRecord } from "./records.ts";
import { answered, type Running, silent, unanswered } from "./running.ts";

/** Between two checks of a server that is Ready. */
const CHECK_MS = 10_000;

/** Exits, one sample of memory, and whether a server answers: yet, or still. */
export async function observe(entry: Entry, options: SupervisorOptions): Promise<void> {
  const { running } = entry;
  if (running === undefined) return;
  const exit = running.process.exit();
  if (exit !== undefined) return settle(entry, running, exit, options);
  await measure(entry, running, options);
  question(entry, options);
}

async function measure(entry: Entry, running: Running, options: SupervisorOptions): Promise<void> {
  const { platform, kernelLimit, clock } = options;
  const now = clock();
  if (!isSampleDue(entry.footprint, now)) return;
  const { pid } = running.process;
  const sample = pid === undefined ? null : await platform.footprintBytes(pid);
  // A process that ended while it was measured is no process that cannot be measured.
  if (running.process.exit() !== undefined || entry.running === undefined) return;
  entry.footprint = withSample(entry.footprint, sample, running.inForce.budget.bytes, now);
  if (kernelLimit === undefined) return;
  entry.running = { ...entry.running, limitBytes: followBudget(entry.running, entry.footprint, kernelLimit) };
}

/** Asks, without the tick waiting for the answer. */
function question(entry: Entry, options: SupervisorOptions): void {
  const { running } = entry;
  if (running === undefined || running.phase === "stopping" || running.probing) return;
  const { background, clock } = options;
  if (running.phase === "starting") {
    background(`waiting for the first answer of ${entry.name}`, ask(entry, running, firstAnswer, options));
  } else if (clock() - (running.checkedAt ?? running.readyAt) >= CHECK_MS) {
    background(`checking ${entry.name}`, ask(entry, running, check, options));
  }
}

/** What is known of a server once a question to it is over, whatever became of its entry meanwhile. */
type Heard = (current: Running) => Running;

async function ask(
  entry: Entry,
  running: Running,
  question: (running: Running, options: SupervisorOptions) => Promise<Heard>,
  options: SupervisorOptions,
): Promise<void> {
  entry.running = { ...running, probing: true };
  let heard: Heard = unanswered;
  try {
    heard = await question(running, options);
  } finally {
    const current = entry.running;
    if (current?.process === running.process && current.process.exit() === undefined) {
      entry.running = noted(heard(current), options);
      if (isNews(current, entry.running)) options.wake();
    }
  }
}

/** One that was Ready under an earlier agent may be busy with answers that are longer than any patience for a first one. */
async function firstAnswer({ started, answeredBefore }: Running, { clock }: SupervisorOptions): Promise<Heard> {
  const expected = { ...started.fields, modelPath: started.modelPath };
  const good = answeredBefore ? await isHealthy(expected) : await answers(expected);
  return good ? (current) => answered(current, clock()) : unanswered;
}

async function check({ started, process }: Running, { clock, platform }: SupervisorOptions): Promise<Heard> {
  const healthy = await isHealthy({ ...started.fields, modelPath: started.modelPath });
  try {
    bounded(process.logPath);
  } catch {
    // A disk that is full: the log is cut another time.
  }
  if (healthy) return (current) => answered(current, clock());
  const cpuSeconds = process.pid === undefined ? null : await platform.cpuSeconds(process.pid);
  const work = { cpuSeconds, logBytes: sizeOf(process.logPath) };
  return (current) => silent(current, work, clock());
}

function sizeOf(path: string): number | null {
  return statSync(path, { throwIfNoEntry: false })?.size ?? null;
}

/** Keeps for the next agent that a server has answered. */
function noted(running: Running, options: SupervisorOptions): Running {
  const { record, phase } = running;
  if (phase !== "ready" || record.served === undefined || record.served.ready) return running;
  return recorded({ ...running, record: { ...record, served: { ...record.served, ready: true } } }, options);
}

/** Whether a tick at once has something to decide on. */
function isNews(before: Running, now: Running): boolean {
  return before.phase !== now.phase || (now.phase === "ready" && now.failedChecks > 0);
}

/** Reasons to stop a server that are its own fault. */
const FAILURES: ReadonlySet<string> = new Set(["BudgetExceeded", "StartTimeout", "Unhealthy"]);

/** What a server's end means for its workload. A record that cannot be removed is about a process that is gone, as the next agent sees. */
function settle(entry: Entry, running: Running, exit: Exit, options: SupervisorOptions): void {
  try {
    conclude(entry, running, exit, options);
  } finally {
    removeRecord(recordsFolder(options.stateDirectory), entry.id);
  }
}

function conclude(entry: Entry, running: Running, exit: Exit, options: SupervisorOptions): void {
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
