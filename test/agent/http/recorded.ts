import type { AgentStatus, WorkloadStatus } from "../../../agent/status/status.ts";
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
