import { plainText } from "../../api/plain-text.ts";
import type { AgentStatus, WorkloadStatus } from "./status.ts";

/** The part of the status that does not change while the agent runs. */
export type AgentFacts = Pick<
  AgentStatus["agent"],
  "pid" | "startedAt" | "hostMemoryBytes" | "allocatableBytes" | "backend" | "kernelCap" | "pageUrl"
>;

/** What was read from the machine and the source for one status. */
export interface Readings {
  readonly availableBytes: number | null;
  /** Null if it cannot be read. */
  readonly pressure: NonNullable<AgentStatus["agent"]["pressure"]> | null;
  readonly problems: readonly string[];
  readonly notes: readonly string[];
  readonly now: Date;
}

/** The status after a tick. `availableBytes` is capped at the host memory, because in a container the machine may have more. */
export function agentStatus(
  facts: AgentFacts,
  { availableBytes, pressure, problems, notes, now }: Readings,
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
  return { agent, workloads: [...workloads] };
}
