import { type Logger, pino } from "pino";
import { formatBytes } from "../../api/quantity.ts";
import type { WorkloadStatus } from "./status.ts";

export type LogFormat = "json" | "text";

/** The least severe message that is written; `silent` writes none. */
export type LogLevel = "trace" | "debug" | "info" | "warn" | "error" | "silent";

/** To standard output: JSON lines, or lines for a person. */
export async function openLog(format: LogFormat, level: LogLevel): Promise<Logger> {
  if (format === "json") return pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime });
  // Some 30 modules that a log of JSON lines has no use for.
  const { default: pretty } = await import("pino-pretty");
  const colorize = process.stdout.isTTY === true;
  const ignore = "pid,hostname,workload,state,reason";
  return pino({ level, base: null }, pretty({ colorize, ignore, translateTime: "SYS:HH:MM:ss", sync: true }));
}

/** One line for each workload whose state or reason differs from the status before, and for each that is gone. */
export function logChanges(log: Logger, before: readonly WorkloadStatus[], after: readonly WorkloadStatus[]): void {
  const known = new Map(before.map((status) => [status.name, status]));
  for (const status of after) {
    const { name, state, reason } = status;
    const old = known.get(name);
    known.delete(name);
    if (old?.state === state && old.reason === reason) continue;
    const fields = reason === undefined ? { workload: name, state } : { workload: name, state, reason };
    if (state === "Failed" || state === "BackOff") log.warn(fields, sentence(status));
    else log.info(fields, sentence(status));
  }
  for (const name of known.keys()) log.info({ workload: name, state: "Removed" }, `${name}: gone`);
}

function sentence({ name, state, reason, message, endpoint, measuredBytes, budget }: WorkloadStatus): string {
  const why = [reason, message].filter((part) => part !== undefined).join(": ");
  const used = measuredBytes === undefined ? "" : `, measured ${formatBytes(measuredBytes)}`;
  if (state === "Ready") return `${name}: Ready at ${endpoint}${used}, ${budget?.text}`;
  return `${name}: ${state}${why === "" ? "" : `, ${why}`}`;
}
