import type { AgentStatus, WorkloadStatus } from "./status.ts";

/** What does not change while the agent runs. */
export type AgentFacts = Pick<
  AgentStatus["agent"],
  "pid" | "startedAt" | "hostMemoryBytes" | "allocatableBytes" | "backend" | "kernelCap" | "pageUrl"
>;

/** What a tick has read of the machine and of the source. */
export interface Readings {
  readonly availableBytes: number | null;
  /** Null: it cannot be read. */
  readonly pressure: NonNullable<AgentStatus["agent"]["pressure"]> | null;
  readonly problems: readonly string[];
  readonly notes: readonly string[];
  readonly now: Date;
}

/** The status after a tick. A container may have less memory than its machine has available. */
export function agentStatus(
  facts: AgentFacts,
  { availableBytes, pressure, problems, notes, now }: Readings,
  workloads: readonly WorkloadStatus[],
): AgentStatus {
  const agent: AgentStatus["agent"] = {
    ...facts,
    updatedAt: now.toISOString(),
    problems: [...problems],
    notes: [...notes],
  };
  if (availableBytes !== null) agent.availableBytes = Math.min(availableBytes, facts.hostMemoryBytes);
  if (pressure !== null) agent.pressure = pressure;
  return { agent, workloads: [...workloads] };
}
