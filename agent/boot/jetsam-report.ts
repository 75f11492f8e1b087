import * as z from "zod";
import { jsonOf, reportTime } from "./report-head.ts";

/** A report of what the kernel ended for want of memory. */
export interface JetsamReport {
  readonly path: string;
  /** When it was written, a few seconds after the kill; in milliseconds since 1970. */
  readonly at: number;
  readonly killed: readonly { readonly pid: number; readonly reason: string }[];
}

/** More processes than a Mac can have (`kern.maxproc`) are no report. */
const MOST_PROCESSES = 20_000;

/** Of all processes that the report lists, those that were ended have a reason; the largest one need not be among them. */
const bodySchema = z.looseObject({
  processes: z
    .array(z.looseObject({ pid: z.int().min(0), reason: z.string().max(100).optional() }))
    .max(MOST_PROCESSES),
});

/**
 * Reads a `JetsamEvent-*.ips` file: one line of JSON, then JSON again ("Identifying high-memory use with jetsam event reports", Apple).
 * Undefined if it is something else, or was cut off.
 *
 * @param writtenAt the file's time of modification, in milliseconds since 1970
 */
export function parseJetsamReport(path: string, text: string, writtenAt: number): JetsamReport | undefined {
  const body = bodySchema.safeParse(jsonOf(text.slice(text.indexOf("\n") + 1)));
  if (!body.success) return undefined;
  const killed = body.data.processes.flatMap(({ pid, reason }) => (reason === undefined ? [] : [{ pid, reason }]));
  return { path, at: reportTime(text) ?? writtenAt, killed };
}
