import type { Cause } from "../boot/verdict.ts";
import type { Exit } from "../llama-server/exit-reason.ts";
import type { Entry } from "./entry.ts";
import type { SupervisorOptions, Wanted } from "./options.ts";
import { ranOf } from "./ran-before.ts";
import type { Running } from "./running.ts";

/** A server that was Ready for as long as this shows that it can run here, in milliseconds. */
const PROVED_MS = 600_000;

/**
 * Looks whether macOS ended a server for want of memory; it ends with SIGKILL, and of one that another agent had started no signal is
 * known. The reason of its exit follows when the report is there, unless it runs again by then.
 */
export function lookForJetsam(entry: Entry, running: Running, exit: Exit, { heldBack }: SupervisorOptions): void {
  const byKernel =
    running.phase !== "stopping" && (exit.signal === "SIGKILL" || (exit.signal === null && exit.code === null));
  const ran = byKernel ? ranOf(running.record, Date.now()) : undefined;
  if (heldBack === undefined || ran === undefined) return;
  const { lastExit, backOff } = entry;
  heldBack.died(ran, (cause) => {
    if (entry.lastExit !== lastExit || backOff === undefined || entry.backOff !== backOff) return;
    if (backOff.reason !== "BudgetExceeded")
      entry.backOff = { ...backOff, reason: "JetsamKilled", message: jetsamText(cause) };
  });
}

function jetsamText({ reason = "no reason given", report }: Cause): string {
  return `macOS ended it for want of memory (${reason}, report ${report})`;
}

/** Tells what a person has responded to, and which servers have run well for long: what was done to those before them is past. */
export function followHeldBack(entries: Iterable<Entry>, wanted: Wanted, { heldBack, clock }: SupervisorOptions): void {
  if (heldBack === undefined || wanted.ending === true) return;
  heldBack.follow(wanted.workloads, wanted.synced);
  for (const { id, running } of entries) {
    if (running?.phase === "ready" && clock() - running.readyAt >= PROVED_MS) heldBack.provedItself(id);
  }
}
