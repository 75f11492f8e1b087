import { mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import writeFileAtomic from "write-file-atomic";
import * as z from "zod";
import type { Platform } from "../host/platform.ts";
import type { Workload } from "../workload/workload.ts";
import { signalGroup } from "./process.ts";

/** What the next agent must know to watch a server on; the workload is as this version of the agent has it. */
const servedSchema = z.strictObject({
  workload: z.custom<Workload>((value) => workloadSchema.safeParse(value).success),
  modelPath: z.string(),
  estimateBytes: z.int().min(0),
  /** Whether it has answered a completion. */
  ready: z.boolean(),
});

/** Of a workload what a running server is judged by. */
const workloadSchema = z.looseObject({
  name: z.string(),
  specHash: z.string(),
  fields: z.looseObject({ name: z.string(), port: z.int(), mode: z.enum(["chat", "embedding", "rerank"]) }),
  budget: z.looseObject({ bytes: z.int().positive(), source: z.string() }),
  priority: z.int(),
  evictionProtection: z.boolean(),
  notes: z.array(z.string()),
});

/** One file a server: what is meant to run before the spawn, what runs after it. */
const recordSchema = z.strictObject({
  name: z.string(),
  port: z.int(),
  bootId: z.string(),
  logPath: z.string(),
  pid: z.int().min(2).optional(),
  startTime: z.string().optional(),
  /** Absent: a process that only had a question to answer. */
  served: servedSchema.optional(),
});

export type ServerRecord = z.output<typeof recordSchema>;

const GRACE_MS = 10_000;
const POLL_MS = 100;

export function writeRecord(folder: string, record: ServerRecord): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  writeFileAtomic.sync(recordPath(folder, record.name), `${JSON.stringify(record)}\n`, { mode: 0o600 });
}

/** Keeps for the next agent that the server has answered. */
export function markReady(folder: string, name: string): void {
  const record = readRecord(recordPath(folder, name));
  if (record?.served === undefined) return;
  writeRecord(folder, { ...record, served: { ...record.served, ready: true } });
}

export function removeRecord(folder: string, name: string): void {
  rmSync(recordPath(folder, name), { force: true });
}

/** SIGTERM, and SIGKILL after the grace period; whether it is gone. */
export async function endProcess(pid: number, platform: Platform): Promise<boolean> {
  const startTime = await platform.startTime(pid);
  const isGone = async () => startTime === null || (await platform.startTime(pid)) !== startTime;
  for (const signal of ["SIGTERM", "SIGKILL"] as const) {
    if (await isGone()) return true;
    signalGroup(pid, signal);
    for (let waited = 0; waited < GRACE_MS && !(await isGone()); waited += POLL_MS) await sleep(POLL_MS);
  }
  return isGone();
}

export function readRecords(folder: string): readonly ServerRecord[] {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const files = readdirSync(folder).filter((file) => file.endsWith(".json"));
  return files.flatMap((file) => readRecord(join(folder, file)) ?? []);
}

function readRecord(path: string): ServerRecord | undefined {
  try {
    return recordSchema.parse(JSON.parse(readFileSync(path, "utf8")));
  } catch {
    // Written whole or not at all by this agent; what is neither is not its own.
    return undefined;
  }
}

/** Names hold one slash, and neither half an underscore. */
function recordPath(folder: string, name: string): string {
  return join(folder, `${name.replace("/", "_")}.json`);
}
