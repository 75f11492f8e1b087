import { mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { access } from "node:fs/promises";
import { basename, join } from "node:path";
import writeFileAtomic from "write-file-atomic";
import * as z from "zod";
import { errorCode } from "../../api/error-code.ts";
import type { ServerFields } from "../llama-server/flags.ts";
import { recordPath } from "../state/layout.ts";
import type { Workload } from "../workload/workload.ts";
import { type WorkloadId, workloadId } from "../workload/workload-id.ts";

/** Version of the record format. A record of another version identifies its process, but not what it serves. */
const VERSION = 2;

const fieldsSchema = z.looseObject({
  name: z.string(),
  host: z.string(),
  port: z.int(),
  mode: z.enum(["chat", "embedding", "rerank"]),
});

/** The fields of a workload that a running server is held to. */
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

const startedCacheSchema = z.object({
  /** As it was asked for: `auto`, or bytes. */
  wanted: z.union([z.enum(["auto", "off"]), z.number().min(0)]),
  /** `--cache-ram`, in MiB. */
  sizeMiB: z.int().min(0),
  /** Of all slots; absent: none. */
  checkpointBytes: z.number().min(0).optional(),
});

/** What the next agent must know to go on enforcing the budget of a server. */
const servedSchema = z.looseObject({
  /** What is in force now. Its budget follows the manifest, so it may differ from what the process was started with. */
  workload: z.custom<Workload>((value) => workloadSchema.safeParse(value).success),
  /** Hash of the settings that the process was started with. */
  specHash: z.string(),
  fields: z.custom<ServerFields>((value) => fieldsSchema.safeParse(value).success),
  modelPath: z.string(),
  estimateBytes: z.int().min(0),
  /** Absent where llama-server gave no projection. */
  projectedBytes: z.int().positive().optional(),
  /** The prompt cache that it was started with; absent: none, as with agents before there was one. */
  promptCache: startedCacheSchema.optional(),
  /** Whether it has answered a test request. */
  ready: z.boolean(),
  startedAt: z.iso.datetime().optional(),
  /** When a request of the gateway came, or ended, last, or a minute before; absent: none since it was started. */
  usedAt: z.iso.datetime().optional(),
  /** Digest of the API keys that it was started with; absent if it has none. */
  keys: z.string().optional(),
});

/** Identifies a process. Every version of the records has these fields. */
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
  /** Undefined for a process that only made a projection. */
  served: servedSchema.optional(),
});

export type Served = z.output<typeof servedSchema>;

/** One file per server. It is written before the spawn without a pid, and again after it. */
export interface ServerRecord {
  readonly id: WorkloadId;
  readonly name: string;
  readonly bootId: string;
  readonly logPath: string;
  readonly pid?: number | undefined;
  readonly startTime?: string | undefined;
  readonly served?: Served | undefined;
}

/** A record as an earlier agent left it. */
export interface FoundRecord {
  readonly path: string;
  /** Undefined if the file is damaged. */
  readonly identity: z.output<typeof identitySchema> | undefined;
  /** The whole record; undefined if it is damaged or of another version. */
  readonly record: ServerRecord | undefined;
}

/** Writes the record atomically. Throws if the folder cannot be written. */
export function writeRecord(folder: string, record: ServerRecord): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const text = `${JSON.stringify({ version: VERSION, ...record })}\n`;
  writeFileAtomic.sync(recordPath(folder, record.id), text, { mode: 0o600 });
}

/** Whether the record is there; true, too, if that cannot be told. */
export async function hasRecord(folder: string, id: WorkloadId): Promise<boolean> {
  return access(recordPath(folder, id)).then(
    () => true,
    (error: unknown) => errorCode(error) !== "ENOENT",
  );
}

export function removeRecord(folder: string, id: WorkloadId): void {
  rmSync(recordPath(folder, id), { force: true });
}

export function readRecords(folder: string): readonly FoundRecord[] {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const files = readdirSync(folder, { withFileTypes: true });
  const records = files.filter((file) => file.isFile() && file.name.endsWith(".json"));
  return records.map(({ name }) => readRecord(join(folder, name)));
}

/** The name of a record's file without `.json`. Its log has the same name. */
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
