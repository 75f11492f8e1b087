import type { RequestSeen } from "../../../agent/gateway/observer.ts";
import type { AgentStatus, WorkloadStatus } from "../../../agent/status/status.ts";
import { workloadId } from "../../../agent/workload/workload-id.ts";
import { formatBytes } from "../../../api/quantity.ts";

export const GIB = 2 ** 30;
export const MIB = 2 ** 20;

export function aStatus(workloads: readonly WorkloadStatus[], agent: Partial<AgentStatus["agent"]> = {}): AgentStatus {
  return {
    agent: {
      pid: 4242,
      startedAt: "2026-11-23T10:00:00.000Z",
      updatedAt: new Date().toISOString(),
      hostMemoryBytes: 16 * GIB,
      availableBytes: 7 * GIB,
      allocatableBytes: Math.round(16 * GIB * 0.67),
      backend: "metal",
      kernelCap: "taskpolicy -m",
      pressure: "normal",
      problems: [],
      notes: [],
      ...agent,
    },
    workloads: [...workloads],
  };
}

export function aWorkloadStatus(name: string, part: Partial<WorkloadStatus> = {}): WorkloadStatus {
  return { id: name, name, state: "Ready", phase: "Ready", restarts: 0, notes: [], ...part };
}

export function budgetOf(gibibytes: number): NonNullable<WorkloadStatus["budget"]> {
  const bytes = Math.round(gibibytes * GIB);
  return { bytes, source: "crd-budget", text: `budget ${formatBytes(bytes)} (absolute from CRD)` };
}

const parts = (weights: number, kv: number, compute: number, process: number) => ({
  weights: weights * MIB,
  kv: kv * MIB,
  computeDevice: compute * MIB,
  process: process * MIB,
});

/** A Mac of 16 GiB with something in every state that a person should understand at a glance. */
export const BUSY: AgentStatus = aStatus(
  [
    aWorkloadStatus("default/chat", {
      pid: 101,
      budget: budgetOf(6),
      projectedBytes: 5260 * MIB,
      projectionDrift: -0.002,
      estimateBytes: 5300 * MIB,
      estimateParts: { ...parts(4400, 512, 300, 60), promptCache: 28 * MIB },
      measuredBytes: 5150 * MIB,
      endpoint: "http://127.0.0.1:8080/v1",
      restarts: 2,
    }),
    aWorkloadStatus("default/embeddings-for-the-search-of-documents", {
      state: "Draining",
      phase: "Progressing",
      pid: 102,
      reason: "BudgetExceeded",
      message: "measured 612.0 MiB, budget 512.0 MiB (absolute from CRD): it is stopped, and tried again later",
      budget: budgetOf(0.5),
      estimateBytes: 470 * MIB,
      estimateParts: parts(330, 40, 80, 20),
      measuredBytes: 612 * MIB,
    }),
    aWorkloadStatus("default/loading", {
      state: "Starting",
      phase: "Creating",
      pid: 103,
      budget: budgetOf(2.5),
      estimateBytes: 2100 * MIB,
      estimateParts: parts(1700, 256, 110, 34),
      measuredBytes: 700 * MIB,
    }),
    aWorkloadStatus("research/big", {
      state: "Failed",
      phase: "Failed",
      reason: "InsufficientMemory",
      message:
        "estimated 14.2 GiB required, budget 10.7 GiB (16.0 GiB total * 67%). It fits with spec.contextSize 16384, or with a q8_0 cache",
      budget: budgetOf(10.7),
      estimateBytes: Math.round(14.2 * GIB),
      estimateParts: parts(9000, 4800, 600, 141),
    }),
    aWorkloadStatus("research/chat", {
      state: "Waiting",
      phase: "Pending",
      reason: "WaitingForMemory",
      message: "needs 4.0 GiB, and 2.8 GiB are left beside default/chat",
      budget: budgetOf(5),
      estimateBytes: 4 * GIB,
      estimateParts: parts(3500, 400, 150, 46),
    }),
    aWorkloadStatus("research/off", { state: "Stopped", phase: "Stopped", message: "spec.suspend is true" }),
  ],
  { problems: ["bad.yaml: it is not valid YAML; its last good version stays in force"] },
);

/** What was asked of `default/chat` and answered, unless said otherwise. */
export function seen(part: Partial<Omit<RequestSeen, "model">> & { readonly model?: string | undefined }): RequestSeen {
  const { model, ...rest } = { model: "default/chat", ...part };
  return {
    model: model === undefined ? undefined : workloadId(model),
    key: undefined,
    endpoint: "/v1/chat/completions",
    status: 200,
    end: "answered",
    queueMs: 1,
    firstByteMs: 40,
    totalMs: 1000,
    tokens: undefined,
    ...rest,
  };
}

const demand = (waiting: number, inFlight: number, lastUsedAt?: string) => ({
  demand: { waiting, inFlight, ...(lastUsedAt !== undefined && { lastUsedAt }) },
});

/** A Mac behind a gateway: six models, of which one answers, one loads while requests wait for it, and two sleep. */
export const ON_DEMAND: AgentStatus = aStatus(
  [
    aWorkloadStatus("default/chat", {
      pid: 201,
      budget: budgetOf(6),
      estimateBytes: 5300 * MIB,
      estimateParts: parts(4400, 512, 300, 60),
      measuredBytes: 5150 * MIB,
      endpoint: "http://127.0.0.1:8080/v1",
      wakes: 4,
      ...demand(0, 2, "2026-11-27T10:59:59.000Z"),
    }),
    aWorkloadStatus("default/coder", {
      state: "Starting",
      phase: "Creating",
      pid: 202,
      budget: budgetOf(4),
      estimateBytes: 3500 * MIB,
      estimateParts: parts(2900, 400, 150, 50),
      measuredBytes: 900 * MIB,
      wakes: 1,
      ...demand(3, 0, "2026-11-27T10:59:58.000Z"),
    }),
    aWorkloadStatus("default/summary", {
      state: "Sleeping",
      phase: "Stopped",
      reason: "Idle",
      message: "nobody asked for it for 10m; the next request wakes it",
      budget: budgetOf(3),
      estimateBytes: 2100 * MIB,
      estimateParts: parts(1700, 256, 110, 34),
      wakes: 2,
      ...demand(0, 0, "2026-11-27T10:12:00.000Z"),
    }),
    aWorkloadStatus("default/writer", {
      state: "Sleeping",
      phase: "Stopped",
      reason: "MadeRoom",
      message: "unloaded to make room for default/coder; the next request wakes it",
      budget: budgetOf(5),
      estimateBytes: 4 * GIB,
      estimateParts: parts(3500, 400, 150, 46),
      wakes: 1,
      ...demand(0, 0, "2026-11-27T10:57:00.000Z"),
    }),
    aWorkloadStatus("research/never-asked", {
      state: "Sleeping",
      phase: "Stopped",
      message: "the first request wakes it",
      budget: budgetOf(2),
      wakes: 0,
      ...demand(0, 0),
    }),
    aWorkloadStatus("research/big", {
      state: "Failed",
      phase: "Failed",
      reason: "InsufficientMemory",
      message: "estimated 14.2 GiB required, budget 10.7 GiB (16.0 GiB total * 67%)",
      wakes: 0,
      ...demand(0, 0, "2026-11-27T10:30:00.000Z"),
    }),
  ],
  {
    updatedAt: "2026-11-27T11:00:00.000Z",
    gatewayUrl: "http://127.0.0.1:8000/v1",
    unloads: [
      {
        at: "2026-11-27T10:59:50.000Z",
        name: "default/writer",
        reason: "MadeRoom",
        message: "needs 3.4 GiB, 2.1 GiB were left; default/writer was used least recently",
        madeRoomFor: "default/coder",
      },
      {
        at: "2026-11-27T10:22:00.000Z",
        name: "default/summary",
        reason: "Idle",
        message: "nobody asked for it for 10m",
      },
    ],
  },
);
