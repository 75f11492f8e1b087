import type { Entry } from "./entry.ts";
import { saveRecord } from "./follow.ts";
import type { SupervisorOptions } from "./options.ts";
import type { Served } from "./records.ts";

/** Between two notes, in milliseconds: idle times are minutes, and each note is written to the disk. */
const NOTED_MS = 60_000;

/** Notes in the record of a server when a request came last: an agent that follows this one counts its idle time from then. */
export function noteUse(entry: Entry, options: SupervisorOptions): void {
  const { running } = entry;
  const served = running?.record.served;
  const lastUsedAt = options.gateway?.demandOf(entry.id).lastUsedAt;
  if (running === undefined || served === undefined || lastUsedAt === undefined) return;
  // Of a server before this one.
  if (lastUsedAt < running.startedAt) return;
  const usedAt = Date.now() - (options.clock() - lastUsedAt);
  if (served.usedAt !== undefined && usedAt - Date.parse(served.usedAt) < NOTED_MS) return;
  const noted = { ...served, usedAt: new Date(usedAt).toISOString() };
  entry.running = saveRecord({ ...running, record: { ...running.record, served: noted } }, options);
}

/** For how long nobody had used it by now, in milliseconds, by the time of day; 0 where no use was noted. */
export function unusedMs({ usedAt }: Served): number {
  return usedAt === undefined ? 0 : Math.max(0, Date.now() - Date.parse(usedAt));
}
