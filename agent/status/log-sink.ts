import { type Logger, pino } from "pino";
import * as z from "zod";
import { formatBytes } from "../../api/quantity.ts";
import type { StatusSink } from "./sink.ts";
import type { WorkloadStatus } from "./status.ts";

export type LogFormat = "json" | "text";

/** Log levels of pino, from the least to the most output. */
export const LOG_LEVELS = ["silent", "error", "warn", "info", "debug", "trace"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Logs to standard output. `json`: one JSON object per line, with a constant message and the details as fields. `text`: sentences. */
export async function openLog(format: LogFormat, level: LogLevel = "info"): Promise<Logger> {
  if (format === "json") return pino({ base: null, level, timestamp: pino.stdTimeFunctions.isoTime });
  // Some 30 modules that a log of JSON lines has no use for.
  const { default: pretty } = await import("pino-pretty");
  const colorize = process.stdout.isTTY === true;
  const person = pretty({
    ...{ colorize, sync: true, hideObject: true, ignore: "pid,hostname", translateTime: "SYS:HH:MM:ss" },
    messageFormat: (line, messageKey) => sentence(line) ?? String(line[messageKey]),
  });
  return pino({ base: null, level }, person);
}

const CHANGED = "workload changed";
const GONE = "workload gone";

/** The fields of a log line about a changed workload. */
const changeSchema = z.object({
  msg: z.literal(CHANGED),
  workload: z.string(),
  state: z.string(),
  reason: z.string().optional(),
  detail: z.string().optional(),
  endpoint: z.string().optional(),
  measuredBytes: z.number().optional(),
  budget: z.string().optional(),
});

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

function logChange(log: Logger, status: WorkloadStatus): void {
  const { id, name, state, reason, message, endpoint, pid, measuredBytes, estimateBytes, budget, restarts } = status;
  const fields = {
    ...{ workload: name, id, state, reason, detail: message, endpoint, pid, restarts },
    ...{ measuredBytes, estimateBytes, budgetBytes: budget?.bytes, budget: budget?.text },
  };
  if (state === "Failed" || state === "BackOff") log.warn(fields, CHANGED);
  else log.info(fields, CHANGED);
}

/** The sentence for a line about a workload; undefined for any other line. */
function sentence(line: Readonly<Record<string, unknown>>): string | undefined {
  if (line["msg"] === GONE) return `${line["workload"]}: gone`;
  const change = changeSchema.safeParse(line).data;
  if (change === undefined) return undefined;
  const { workload, state, reason, detail, endpoint, measuredBytes, budget } = change;
  const used = measuredBytes === undefined ? "" : `, measured ${formatBytes(measuredBytes)}`;
  if (state === "Ready") return `${workload}: Ready at ${endpoint}${used}, ${budget}`;
  const why = [reason, detail].filter((part) => part !== undefined).join(": ");
  return `${workload}: ${state}${why === "" ? "" : `, ${why}`}`;
}
