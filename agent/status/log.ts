import { isatty } from "node:tty";
import { type Logger, pino } from "pino";
import * as z from "zod";
import { escaped, plainText } from "../../api/plain-text.ts";
import { formatBytes } from "../../api/quantity.ts";
import { CHANGED, GONE, NOTED } from "./log-sink.ts";
import { type Output, openOutput } from "./output.ts";

export type LogFormat = "json" | "text";

/** Log levels of pino, from the least to the most output. */
export const LOG_LEVELS = ["silent", "error", "warn", "info", "debug", "trace"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** A log that never waits for its output, and its end. */
export interface Log {
  readonly logger: Logger;
  readonly close: Output["close"];
}

const STDOUT = 1;
const LOST = "log lines were lost while the output took none";

/** Logs to standard output. `json`: one JSON object per line, with a constant message and the details as fields. `text`: sentences. */
export async function openLog(format: LogFormat, level: LogLevel = "info"): Promise<Log> {
  const json = format === "json";
  const prettify = json ? escaped : await prettifier();
  const output = openOutput({ fd: STDOUT, lost: (lines) => logger.warn({ lines }, LOST) });
  const timestamp = json ? pino.stdTimeFunctions.isoTime : true;
  const logger = pino({ base: null, level, timestamp }, { write: (line) => output.write(prettify(line)) });
  return { logger, close: output.close };
}

async function prettifier(): Promise<(line: string) => string> {
  // Some 30 modules that a log of JSON lines has no use for.
  const { prettyFactory } = await import("pino-pretty");
  return prettyFactory({
    ...{ colorize: isatty(STDOUT), hideObject: true, ignore: "pid,hostname", translateTime: "SYS:HH:MM:ss" },
    messageFormat: (line, messageKey) => plainText(sentence(line) ?? String(line[messageKey])),
  });
}

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

/** The sentence for a line with details; undefined for any other line. */
function sentence(line: Readonly<Record<string, unknown>>): string | undefined {
  if (line["msg"] === GONE) return `${line["workload"]}: gone`;
  if (line["msg"] === NOTED) return `${line["workload"]}: ${line["note"]}`;
  if (line["msg"] === LOST) return `about ${line["lines"]} ${LOST}`;
  const change = changeSchema.safeParse(line).data;
  if (change === undefined) return undefined;
  const { workload, state, reason, detail, endpoint, measuredBytes, budget } = change;
  const used = measuredBytes === undefined ? "" : `, measured ${formatBytes(measuredBytes)}`;
  if (state === "Ready") return `${workload}: Ready at ${endpoint}${used}, ${budget}`;
  const why = [reason, detail].filter((part) => part !== undefined).join(": ");
  return `${workload}: ${state}${why === "" ? "" : `, ${why}`}`;
}
