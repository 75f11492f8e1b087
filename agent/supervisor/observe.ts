import { backOffMs, breachBackOff, breachesAfter, failuresAfter } from "../decisions/back-off.ts";
import { isSampleDue, NO_SAMPLES, withSample } from "../decisions/footprint.ts";
import { type Exit, exitReason, logTail } from "../llama-server/exit-reason.ts";
import { answers, isHealthy } from "../llama-server/probe.ts";
import type { Desired } from "../workload/desired.ts";
import type { Entry, Running } from "./entry.ts";
import { cappedMessage, followBudget } from "./limit.ts";
import { bounded } from "./logs.ts";
import type { SupervisorOptions } from "./options.ts";
import { markReady, removeRecord } from "./records.ts";
import { recordsFolder } from "./start.ts";

/** Exits, one sample of memory, and whether a server answers: yet, or still. */
export async function observe(entry: Entry, desired: Desired | undefined, options: SupervisorOptions): Promise<void> {
  const { running } = entry;
  if (running === undefined) return;
  const exit = running.server.exit();
  if (exit !== undefined) return settle(entry, running, exit, options);
  await measure(entry, running, desired, options);
  if (running.stopping !== undefined || running.probing) return;
  const { background, clock } = options;
  if (running.readyAt === undefined) background(`asking ${entry.name} for an answer`, probe(running, options));
  else if (clock() - (running.checkedAt ?? running.readyAt) >= CHECK_MS) {
    background(`checking ${entry.name}`, check(running, options));
  }
}

/** Between two checks of a server that is Ready. */
const CHECK_MS = 10_000;

async function measure(
  entry: Entry,
  running: Running,
  desired: Desired | undefined,
  { platform, cap, clock }: SupervisorOptions,
): Promise<void> {
  const { server, workload } = running;
  const now = clock();
  if (!isSampleDue(entry.watch, now)) return;
  const sample = server.pid === undefined ? null : await platform.footprintBytes(server.pid);
  // A process that ended while it was measured is no process that cannot be measured.
  if (server.exit() !== undefined) return;
  const { budget } = desired?.kind === "run" ? desired.workload : workload;
  entry.watch = withSample(entry.watch, sample, budget.bytes, now);
  if (cap !== undefined) followBudget(running, budget.bytes, entry.watch, cap);
}

async function probe(running: Running, { clock, wake, stateDirectory }: SupervisorOptions): Promise<void> {
  running.probing = true;
  const { modelPath, workload, wasReady } = running;
  const expected = { ...workload.fields, modelPath };
  // One that was Ready under an earlier agent may be busy with answers that are longer than any patience for a first one.
  const answered = wasReady ? await isHealthy(expected) : await answers(expected);
  running.probing = false;
  if (!answered || running.server.exit() !== undefined) return;
  running.readyAt = clock();
  unlessDiskFull(() => markReady(recordsFolder(stateDirectory), workload.name));
  wake();
}

async function check(running: Running, { clock, wake }: SupervisorOptions): Promise<void> {
  running.probing = true;
  const healthy = await isHealthy({ ...running.workload.fields, modelPath: running.modelPath });
  running.probing = false;
  running.checkedAt = clock();
  running.unhealthy = healthy ? 0 : (running.unhealthy ?? 0) + 1;
  unlessDiskFull(() => bounded(running.server.logPath));
  if (!healthy) wake();
}

/** What is only kept for later must not end the agent, and all servers with it, where it cannot be written. */
function unlessDiskFull(keep: () => void): void {
  try {
    keep();
  } catch {
    // The next agent asks a server anew; the log is cut another time.
  }
}

/** What a server's end means for its workload. */
function settle(entry: Entry, running: Running, exit: Exit, { cap, clock, stateDirectory }: SupervisorOptions): void {
  const now = clock();
  const capped = running.stopping === undefined ? cappedMessage(running, exit, entry.watch, cap) : undefined;
  cap?.release(entry.name);
  entry.running = undefined;
  entry.watch = NO_SAMPLES;
  removeRecord(recordsFolder(stateDirectory), entry.name);
  const { stopping } = running;
  if (stopping !== undefined && (!FAILURES.has(stopping.reason) || running.stoppedHash !== entry.wantedHash)) return;
  const breach = capped ?? (stopping?.reason === "BudgetExceeded" ? stopping.message : undefined);
  if (breach !== undefined) {
    entry.breaches = breachesAfter(entry.breaches, now);
    entry.backOff = breachBackOff(entry.breaches, breach, now);
    return;
  }
  entry.failures = failuresAfter(entry.failures, running.readyAt, now);
  const why = stopping ?? exitReason(exit, logTail(running.server.logPath));
  const until = now + backOffMs("crash", entry.failures);
  entry.backOff = { state: "BackOff", reason: why.reason, message: why.message, until };
}

/** Reasons to stop a server that are its own fault. */
const FAILURES: ReadonlySet<string> = new Set(["BudgetExceeded", "StartTimeout", "Unhealthy"]);
