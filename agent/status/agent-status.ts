import { plainText } from "../../api/plain-text.ts";
import type { AgentStatus, Unload, WorkloadStatus } from "./status.ts";

/** The part of the status that does not change while the agent runs. */
export type AgentFacts = Pick<
  AgentStatus["agent"],
  "pid" | "startedAt" | "hostMemoryBytes" | "allocatableBytes" | "backend" | "kernelCap" | "pageUrl" | "gatewayUrl"
>;

/** What was read from the machine and the source for one status. */
export interface Readings {
  readonly availableBytes: number | null;
  /** Null if it cannot be read. */
  readonly pressure: NonNullable<AgentStatus["agent"]["pressure"]> | null;
  readonly problems: readonly string[];
  readonly notes: readonly string[];
  /** Undefined without a gateway. */
  readonly unloads?: readonly Unload[] | undefined;
  readonly now: Date;
}

/** The status after a tick. `availableBytes` is capped at the host memory, because in a container the machine may have more. */
export function agentStatus(
  facts: AgentFacts,
  { availableBytes, pressure, problems, notes, unloads, now }: Readings,
  workloads: readonly WorkloadStatus[],
): AgentStatus {
  const agent: AgentStatus["agent"] = {
    ...facts,
    updatedAt: now.toISOString(),
    problems: problems.map(plainText),
    notes: notes.map(plainText),
  };
  if (availableBytes !== null) agent.availableBytes = Math.min(availableBytes, facts.hostMemoryBytes);
  if (pressure !== null) agent.pressure = pressure;
  if (unloads !== undefined) agent.unloads = [...unloads];
  return { agent, workloads: workloads.map((workload) => reached(workload, facts.gatewayUrl)) };
}

/** Behind a gateway that is where clients reach it, asleep too: its own server answers nobody else. */
function reached(workload: WorkloadStatus, gatewayUrl: string | undefined): WorkloadStatus {
  const isThere = workload.state === "Ready" || workload.state === "Sleeping";
  return gatewayUrl !== undefined && isThere ? { ...workload, endpoint: gatewayUrl } : workload;
}
