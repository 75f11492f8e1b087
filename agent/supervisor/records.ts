import { mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import writeFileAtomic from "write-file-atomic";
import * as z from "zod";
import type { ServerFields } from "../llama-server/flags.ts";
import { recordPath } from "../state/layout.ts";
import type { Workload } from "../workload/workload.ts";
import { type WorkloadId, workloadId } from "../workload/workload-id.ts";

/** Of this form of the records. One of another form tells who the process is, and not what it serves. */
const VERSION = 2;

const fieldsSchema = z.looseObject({
  name: z.string(),
  host: z.string(),
  port: z.int(),
  mode: z.enum(["chat", "embedding", "rerank"]),
});

/** Of a workload what a running server is judged by. */
const workloadSchema = z.looseObject({
  id: z.string(),
  name: z.string(),
  fields: fieldsSchema,
  budget: z.looseObject({ bytes: z.int().positive(), source: z.string() }),
  priority: z.int(),
  evictionProtection: z.boolean(),
  returnsAfterEviction: z.boolean(),
  gracePeriodMs: z.int().min(0),
  notes: z.array(z.string()),
});

/** What the next agent must know to watch a server on. */
const servedSchema = z.looseObject({
  /** What is in force, whatever the process was started with: its budget follows the manifest. */
  workload: z.custom<Workload>((value) => workloadSchema.safeParse(value).success),
  /** What the process was started with. */
  specHash: z.string(),
  fields: z.custom<ServerFields>((value) => fieldsSchema.safeParse(value).success),
  modelPath: z.string(),
  estimateBytes: z.int().min(0),
  /** Whether it has answered a completion. */
  ready: z.boolean(),
});

/** Who a process is. Every form of the records has these fields. */
const identitySchema = z.looseObject({
  bootId: z.string(),
  logPath: z.string(),
  pid: z.int().min(2).optional(),
  startTime: z.string().optional(),
});

const recordSchema = identitySchema.extend({
  version: z.literal(VERSION),
  id: z.string().transform(workloadId),
  name: z.string(),
  /** Absent: a process that only had a question to answer. */
  served: servedSchema.optional(),
});

export type Served = z.output<typeof servedSchema>;

/** One file a server: what is meant to run before the spawn, what runs after it. */
export interface ServerRecord {
  readonly id: WorkloadId;
  readonly name: string;
  readonly bootId: string;
  readonly logPath: string;
  readonly pid?: number | undefined;
  readonly startTime?: string | undefined;
  readonly served?: Served | undefined;
}

/** A record as it was found. */
export interface FoundRecord {
  readonly path: string;
  /** What the process is told by; undefined: not even that can be read. */
  readonly identity: z.output<typeof identitySchema> | undefined;
  /** All of it, where it has this agent's form. */
  readonly record: ServerRecord | undefined;
}

export function writeRecord(folder: string, record: ServerRecord): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const text = `${JSON.stringify({ version: VERSION, ...record })}\n`;
  writeFileAtomic.sync(recordPath(folder, record.id), text, { mode: 0o600 });
}

export function removeRecord(folder: string, id: WorkloadId): void {
  rmSync(recordPath(folder, id), { force: true });
}

export function readRecords(folder: string): readonly FoundRecord[] {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const files = readdirSync(folder).filter((file) => file.endsWith(".json"));
  return files.map((file) => readRecord(join(folder, file)));
}

/** The name of a record's file, without its ending: its log has the same. */
export function recordName({ path }: FoundRecord): string {
  return basename(path, ".json");
}

function readRecord(path: string): FoundRecord {
  try {
    const content: unknown = JSON.parse(readFileSync(path, "utf8"));
    return {
      path,
      identity: identitySchema.safeParse(content).data,
      record: recordSchema.safeParse(content).data,
    };
  } catch {
    return { path, identity: undefined, record: undefined };
  }
}
