import * as z from "zod";
import { FAILURE_KINDS } from "../../api/result.ts";

/** The states of a workload. The reason beside the state says why. */
export const STATES = [
  "Pending",
  "Downloading",
  "Waiting",
  "Starting",
  "Ready",
  "Draining",
  "BackOff",
  "HeldBack",
  "Failed",
  "Sleeping",
  "Stopped",
] as const;
export type State = (typeof STATES)[number];

const bytes = z.int().min(0);

const count = z.int().min(0);

const slotCountsSchema = z.strictObject({
  /** Conversations that were saved at an unload. */
  saves: count,
  /** Conversations that were restored at a wake, and their tokens. */
  restores: count,
  restoredTokens: count,
  /** What was not saved, or not used, by reason. */
  discarded: z.strictObject({
    /** The model, a setting or llama-server is another one. */
    OtherSettings: count,
    /** A file is gone, cut, or was written to. */
    Damaged: count,
    /** The server said that it restored something else. */
    Mismatch: count,
    /** The server refused the file. */
    Refused: count,
    /** The server hung, or ended. */
    Lost: count,
    SaveFailed: count,
    /** Above what saved conversations may take. */
    TooLarge: count,
    DiskFull: count,
    /** A request had a key that does not allow it. */
    Private: count,
  }),
});
/** What became of the conversations of one workload since the agent began. */
export type SlotCounts = z.output<typeof slotCountsSchema>;

const workloadSchema = z.strictObject({
  /** Identifies the workload on this host. Equal to `name` for one from a directory. */
  id: z.string(),
  /** `namespace/name` of the InferenceService. Several workloads may share it. */
  name: z.string(),
  state: z.enum(STATES),
  reason: z.string().optional(),
  message: z.string().optional(),
  /** Tells whether another input, a token, more space or only time would help; absent unless something failed. */
  failureKind: z.enum(FAILURE_KINDS).optional(),
  /** `InferenceService.status.phase`. It and the next two fields are as LLMKube would report them. */
  phase: z.enum(["Pending", "Creating", "Progressing", "Ready", "Stopped", "Failed"]),
  schedulingStatus: z.string().optional(),
  schedulingMessage: z.string().optional(),
  /** Position in the queue for memory; 1 is next. Absent unless it waits. */
  queuePosition: z.int().min(1).optional(),
  budget: z.strictObject({ bytes, source: z.string(), text: z.string() }).optional(),
  estimateBytes: bytes.optional(),
  /** Memory that llama-server said it would reserve, before it read the weights. */
  projectedBytes: bytes.optional(),
  /** How much more it said than was estimated for the same parts, as a share of the estimate; negative: less. */
  projectionDrift: z.number().optional(),
  /** The parts that `estimateBytes` is the sum of: `weights`, `kv`, `computeDevice` and others. */
  estimateParts: z.record(z.string(), bytes).optional(),
  measuredBytes: bytes.optional(),
  /** Set while its process runs but cannot be measured. */
  enforcementUnknown: z.literal(true).optional(),
  endpoint: z.string().optional(),
  pid: z.int().min(1).optional(),
  /** When the process that runs was started; absent where none runs, or where an older agent started it. */
  startedAt: z.iso.datetime().optional(),
  /**
   * How its last process ended, and why, as it was said then. Neither code nor signal: that is not known, as of one that another agent had
   * started.
   */
  lastExit: z
    .strictObject({
      at: z.iso.datetime(),
      code: z.int().optional(),
      signal: z.string().optional(),
      reason: z.string().optional(),
      message: z.string().optional(),
    })
    .optional(),
  /** Starts after the first one; a wake is none. */
  restarts: z.int().min(0),
  /** What clients of the gateway ask of it now; absent without a gateway. */
  demand: z
    .strictObject({
      /** Requests that wait for it. */
      waiting: z.int().min(0),
      /** Requests that its server works on. */
      inFlight: z.int().min(0),
      /** When a request for it came, or ended, last; absent if there was none. */
      lastUsedAt: z.iso.datetime().optional(),
    })
    .optional(),
  /** Times that a request made it load; absent without a gateway. */
  wakes: z.int().min(0).optional(),
  /** Absent unless conversations are saved. */
  savedSlots: slotCountsSchema.optional(),
  notes: z.array(z.string()),
});

const unloadSchema = z.strictObject({
  at: z.iso.datetime(),
  /** `namespace/name`. */
  name: z.string(),
  reason: z.enum(["Idle", "MadeRoom"]),
  message: z.string(),
  /** The model that it made room for; absent where it was idle. */
  madeRoomFor: z.string().optional(),
});
/** One model that was unloaded for others, or because nobody used it. */
export type Unload = z.output<typeof unloadSchema>;

export const statusSchema = z.strictObject({
  agent: z.strictObject({
    pid: z.int().min(1),
    startedAt: z.iso.datetime(),
    updatedAt: z.iso.datetime(),
    hostMemoryBytes: bytes,
    /** Memory that the system could still provide, at most `hostMemoryBytes`; absent if unknown. */
    availableBytes: bytes.optional(),
    /** Memory that all models together may use. */
    allocatableBytes: bytes,
    backend: z.enum(["metal", "cpu"]),
    /** Memory pressure of the whole machine; absent if it cannot be read, or not yet. */
    pressure: z.enum(["normal", "warning", "critical"]).optional(),
    /** The kernel's limit behind the watchdog: `cgroup v1`, or `none: ` and the reason. */
    kernelCap: z.string(),
    /** Address of the status page; absent if it is not served. */
    pageUrl: z.url().optional(),
    /** Address at which clients reach all models; absent without a gateway. */
    gatewayUrl: z.url().optional(),
    /** The last models that were unloaded, latest first; absent without a gateway. */
    unloads: z.array(unloadSchema).optional(),
    /** Sentences about manifests that cannot be used, and about anything else that a person should fix. */
    problems: z.array(z.string()),
    /** Sentences for information only. */
    notes: z.array(z.string()),
  }),
  workloads: z.array(workloadSchema),
});

export type WorkloadStatus = z.output<typeof workloadSchema>;
export type AgentStatus = z.output<typeof statusSchema>;
