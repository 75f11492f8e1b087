import * as z from "zod";
import { FAILURE_KINDS } from "../../api/result.ts";

/** What a workload is doing; the reason beside it says why. */
export const STATES = [
  "Pending",
  "Downloading",
  "Waiting",
  "Starting",
  "Ready",
  "Draining",
  "BackOff",
  "Failed",
  "Stopped",
] as const;
export type State = (typeof STATES)[number];

const bytes = z.int().min(0);

const workloadSchema = z.strictObject({
  /** Tells it from every other workload of this host; of one from a directory the same as `name`. */
  id: z.string(),
  /** `namespace/name` of the InferenceService. Several workloads may share it. */
  name: z.string(),
  state: z.enum(STATES),
  reason: z.string().optional(),
  message: z.string().optional(),
  /** Whether another input, a token, more space or only time would help; absent where nothing failed. */
  failureKind: z.enum(FAILURE_KINDS).optional(),
  /** `InferenceService.status.phase`, and the two fields after it, as LLMKube would show them. */
  phase: z.enum(["Pending", "Creating", "Progressing", "Ready", "Stopped", "Failed"]),
  schedulingStatus: z.string().optional(),
  schedulingMessage: z.string().optional(),
  /** Of one that waits for memory: 1 is next. */
  queuePosition: z.int().min(1).optional(),
  budget: z.strictObject({ bytes, source: z.string(), text: z.string() }).optional(),
  estimateBytes: bytes.optional(),
  /** What llama-server itself said it would reserve, before it read the weights. */
  projectedBytes: bytes.optional(),
  /** What `estimateBytes` is the sum of: `weights`, `kv`, `computeDevice` and what else the estimate names. */
  estimateParts: z.record(z.string(), bytes).optional(),
  measuredBytes: bytes.optional(),
  /** Set while its process runs and cannot be measured. */
  enforcementUnknown: z.literal(true).optional(),
  endpoint: z.string().optional(),
  pid: z.int().min(1).optional(),
  /** Starts after the first one. */
  restarts: z.int().min(0),
  notes: z.array(z.string()),
});

export const statusSchema = z.strictObject({
  agent: z.strictObject({
    pid: z.int().min(1),
    startedAt: z.iso.datetime(),
    updatedAt: z.iso.datetime(),
    hostMemoryBytes: bytes,
    /** What the system could still give, at most `hostMemoryBytes`; absent where that is not known. */
    availableBytes: bytes.optional(),
    /** What all models share. */
    allocatableBytes: bytes,
    backend: z.enum(["metal", "cpu"]),
    /** Of the whole machine; absent: not read yet, or it cannot be. */
    pressure: z.enum(["normal", "warning", "critical"]).optional(),
    /** What the kernel enforces behind the watchdog: `cgroup v1`, or `none: ` and why. */
    kernelCap: z.string(),
    /** Where the status page is served; absent where it is not. */
    pageUrl: z.url().optional(),
    /** Sentences about manifests that could not be used, and about what else a person should mend. */
    problems: z.array(z.string()),
    /** Sentences that a person may want to know. */
    notes: z.array(z.string()),
  }),
  workloads: z.array(workloadSchema),
});

export type WorkloadStatus = z.output<typeof workloadSchema>;
export type AgentStatus = z.output<typeof statusSchema>;
