import type { Logger } from "pino";
import type { StatusSink } from "./sink.ts";
import type { State, WorkloadStatus } from "./status.ts";

/** The messages of lines whose details are fields. */
export const CHANGED = "workload changed";
export const GONE = "workload gone";
export const NOTED = "workload note";

/** Logs one line for each workload whose state or reason changed, for each that is gone, and for each new problem and note. */
export function logSink(log: Logger): StatusSink {
  let before = new Map<string, WorkloadStatus>();
  let problems: ReadonlySet<string> = new Set();
  let notes: ReadonlySet<string> = new Set();
  return {
    name: "the log",
    publish: async ({ agent, workloads }) => {
      for (const status of workloads) {
        const old = before.get(status.id);
        if (old?.state !== status.state || old.reason !== status.reason) logChange(log, status);
        const { name: workload, id } = status;
        for (const note of newNotes(old?.notes ?? [], status.notes)) log.info({ workload, id, note }, NOTED);
      }
      before = new Map(workloads.map((status) => [status.id, status]));
      for (const problem of agent.problems) if (!problems.has(problem)) log.warn(problem);
      for (const note of agent.notes) if (!notes.has(note)) log.info(note);
      problems = new Set(agent.problems);
      notes = new Set(agent.notes);
    },
    terminated: async ({ id, name }) => {
      before.delete(id);
      log.info({ workload: name, id, state: "Removed" }, GONE);
    },
  };
}

/** The notes of which there was none of the same kind: the same but for its numbers, which change from one sample to the next. */
function newNotes(before: readonly string[], now: readonly string[]): readonly string[] {
  const known = new Set(before.map(kindOf));
  return now.filter((note) => !known.has(kindOf(note)));
}

function kindOf(note: string): string {
  return note.replaceAll(/\d+(\.\d+)?( [KMGT]?i?B\b)?/g, "#");
}

const TROUBLE: ReadonlySet<State> = new Set(["Failed", "BackOff", "HeldBack"]);

function logChange(log: Logger, status: WorkloadStatus): void {
  const { id, name, state, reason, message, endpoint, pid, measuredBytes, estimateBytes, budget, restarts } = status;
  const fields = {
    ...{ workload: name, id, state, reason, detail: message, endpoint, pid, restarts },
    ...{ measuredBytes, estimateBytes, budgetBytes: budget?.bytes, budget: budget?.text },
  };
  if (TROUBLE.has(state)) log.warn(fields, CHANGED);
  else log.info(fields, CHANGED);
}
