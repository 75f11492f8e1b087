import { backOffMs, breachBackOff, breachesAfter, failuresAfter } from "../decisions/back-off.ts";
import { NO_SAMPLES } from "../decisions/footprint.ts";
import { type Exit, type ExitReason, exitReason } from "../llama-server/exit-reason.ts";
import { logTail } from "../server-logs/files.ts";
import { recordsFolder } from "../state/layout.ts";
import { fileNameOf } from "../workload/workload-id.ts";
import type { Entry } from "./entry.ts";
import { lookForJetsam } from "./held-back.ts";
import { breachMessage } from "./limit.ts";
import type { SupervisorOptions } from "./options.ts";
import { removeRecord } from "./records.ts";
import type { Running } from "./running.ts";

/** Applies the exit of a server and removes its record. A record that cannot be removed does no harm: its process is gone. */
export function handleExit(entry: Entry, running: Running, exit: Exit, options: SupervisorOptions): void {
  try {
    applyExit(entry, running, exit, options);
    lookForJetsam(entry, running, exit, options);
  } finally {
    removeRecord(recordsFolder(options.stateDirectory), entry.id);
  }
}

function applyExit(entry: Entry, running: Running, exit: Exit, options: SupervisorOptions): void {
  const { kernelLimit, clock } = options;
  const now = clock();
  const stop = running.phase === "stopping" ? running.stop : undefined;
  const died = stop === undefined ? breachMessage(running, exit, entry.footprint, kernelLimit, now) : undefined;
  kernelLimit?.release(fileNameOf(entry.id));
  entry.running = undefined;
  entry.lastExit = { ...exit, at: new Date().toISOString(), ...(stop && reasonOf(stop)) };
  entry.footprint = NO_SAMPLES;
  if (stop !== undefined && (!stop.failure || entry.stoppedFor !== entry.wanted)) return;
  const breach = died ?? (stop?.reason === "BudgetExceeded" ? stop.message : undefined);
  if (breach !== undefined) {
    entry.lastExit = { ...entry.lastExit, reason: "BudgetExceeded", message: breach };
    noteBreach(entry, breach, now);
    return;
  }
  if (running.restoring && stop === undefined) {
    entry.lastExit = { ...entry.lastExit, reason: "RestoreFailed", message: RESTORE_FAILED };
    return;
  }
  entry.failures = failuresAfter(entry.failures, running.phase === "starting" ? undefined : running.readyAt, now);
  const { reason, message } = stop ?? exitReason(exit, logTail(running.process.logPath));
  entry.lastExit = { ...entry.lastExit, reason, message };
  if (reason === "BadFlag") options.models.doubtServer();
  entry.backOff = { state: "BackOff", reason, message, until: now + backOffMs("crash", entry.failures) };
}

const RESTORE_FAILED =
  "it hung, or ended, while it was given saved conversations; they are discarded, and it starts without them";

function reasonOf({ reason, message }: ExitReason): ExitReason {
  return { reason, message };
}

/** After a process of the workload outgrew its budget: it is not started again at once. */
export function noteBreach(entry: Entry, message: string, now: number): void {
  entry.breaches = breachesAfter(entry.breaches, now);
  entry.backOff = breachBackOff(entry.breaches, message, now);
}
