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
import { answered, type Running, unanswered } from "./running.ts";

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

async function ask(
  entry: Entry,
  running: Running,
  answer: (running: Running) => Promise<boolean>,
  options: SupervisorOptions,
): Promise<void> {
  entry.running = { ...running, probing: true };
  let good = false;
  try {
    good = await answer(running);
  } finally {
    heard(entry, running, good, options);
  }
}

/** One that was Ready under an earlier agent may be busy with answers that are longer than any patience for a first one. */
function firstAnswer({ started, answeredBefore }: Running): Promise<boolean> {
  const expected = { ...started.fields, modelPath: started.modelPath };
  return answeredBefore ? isHealthy(expected) : answers(expected);
}

async function check({ started, process }: Running): Promise<boolean> {
  const healthy = await isHealthy({ ...started.fields, modelPath: started.modelPath });
  try {
    bounded(process.logPath);
  } catch {
    // A disk that is full: the log is cut another time.
  }
  return healthy;
}

/** What came back is about the process that was asked, whatever became of its entry meanwhile. */
function heard(entry: Entry, asked: Running, good: boolean, options: SupervisorOptions): void {
  const current = entry.running;
  if (current?.process !== asked.process || current.process.exit() !== undefined) return;
  const next = good ? answered(current, options.clock()) : unanswered(current, options.clock());
  entry.running = next;
  const { served } = next.record;
  if (good && served !== undefined && !served.ready) {
    entry.running = recorded({ ...next, record: { ...next.record, served: { ...served, ready: true } } }, options);
  }
  const news = asked.phase === "starting" ? good : !good;
  if (news) options.wake();
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
