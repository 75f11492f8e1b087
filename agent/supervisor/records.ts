import { mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import writeFileAtomic from "write-file-atomic";
import * as z from "zod";
import type { Platform } from "../platform/platform.ts";
import { signalGroup } from "./server.ts";

/** One file a server: what is meant to run before the spawn, what runs after it. */
const recordSchema = z.strictObject({
  name: z.string(),
  port: z.int(),
  bootId: z.string(),
  logPath: z.string(),
  pid: z.int().min(2).optional(),
  startTime: z.string().optional(),
});

export type ServerRecord = z.output<typeof recordSchema>;

const GRACE_MS = 10_000;
const POLL_MS = 100;

export function writeRecord(folder: string, record: ServerRecord): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  writeFileAtomic.sync(recordPath(folder, record.name), `${JSON.stringify(record)}\n`, { mode: 0o600 });
}

export function removeRecord(folder: string, name: string): void {
  rmSync(recordPath(folder, name), { force: true });
}

/**
 * Ends the servers that an agent before this one left behind, and forgets them. Touched are only a process whose pid, start
 * time and boot are those of its record, and processes that write the log file of a record: anybody else may have that
 * pid by now. Returns the names of those it ended.
 */
export async function endStrays(folder: string, platform: Platform): Promise<readonly string[]> {
  const ended = await Promise.all(readRecords(folder).map((record) => endStray(folder, record, platform)));
  return ended.flatMap((name) => name ?? []);
}

/** A record outlives a process that even SIGKILL does not end: the next agent looks again. */
async function endStray(folder: string, record: ServerRecord, platform: Platform): Promise<string | undefined> {
  const found = await straysOf(record, platform);
  const gone = await Promise.all(found.map((pid) => endProcess(pid, platform)));
  if (gone.every(Boolean)) removeRecord(folder, record.name);
  return found.length > 0 ? record.name : undefined;
}

/** An agent that died between the spawn and the record of it has left no pid: the log file has the process then. */
async function straysOf(record: ServerRecord, platform: Platform): Promise<readonly number[]> {
  const { pid, startTime, bootId, logPath } = record;
  if (bootId !== platform.bootId) return [];
  const writers = await platform.writersOf(logPath);
  if (pid === undefined || startTime === undefined || writers.includes(pid)) return writers;
  return (await platform.startTime(pid)) === startTime ? [...writers, pid] : writers;
}

/** SIGTERM, and SIGKILL after the grace period; whether it is gone. */
async function endProcess(pid: number, platform: Platform): Promise<boolean> {
  const startTime = await platform.startTime(pid);
  const isGone = async () => startTime === null || (await platform.startTime(pid)) !== startTime;
  for (const signal of ["SIGTERM", "SIGKILL"] as const) {
    if (await isGone()) return true;
    signalGroup(pid, signal);
    for (let waited = 0; waited < GRACE_MS && !(await isGone()); waited += POLL_MS) await sleep(POLL_MS);
  }
  return isGone();
}

function readRecords(folder: string): readonly ServerRecord[] {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const files = readdirSync(folder).filter((file) => file.endsWith(".json"));
  return files.flatMap((file) => {
    try {
      return [recordSchema.parse(JSON.parse(readFileSync(join(folder, file), "utf8")))];
    } catch {
      // Written whole or not at all by this agent; what is neither is not its own.
      return [];
    }
  });
}

/** Names hold one slash, and neither half an underscore. */
function recordPath(folder: string, name: string): string {
  return join(folder, `${name.replace("/", "_")}.json`);
}
