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
 * Ends the servers that an agent before this one left behind, and forgets them. Only a process whose pid, start time and
 * boot are those of its record is touched: anybody else may have that pid by now. Returns the names of those it ended.
 */
export async function endStrays(folder: string, platform: Platform): Promise<readonly string[]> {
  const records = readRecords(folder);
  const ended = await Promise.all(records.map((record) => endStray(record, platform)));
  for (const { name } of records) removeRecord(folder, name);
  return records.filter((_, index) => ended[index]).map(({ name }) => name);
}

async function endStray({ pid, startTime, bootId }: ServerRecord, platform: Platform): Promise<boolean> {
  if (pid === undefined || startTime === undefined || bootId !== platform.bootId) return false;
  const lives = async () => (await platform.startTime(pid)) === startTime;
  if (!(await lives())) return false;
  signalGroup(pid, "SIGTERM");
  for (let waited = 0; waited < GRACE_MS; waited += POLL_MS) {
    await sleep(POLL_MS);
    if (!(await lives())) return true;
  }
  signalGroup(pid, "SIGKILL");
  while (await lives()) await sleep(POLL_MS);
  return true;
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
