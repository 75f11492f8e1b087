import type { AgentStatus, WorkloadStatus } from "../../agent/status/status.ts";
import { exactQuantity } from "../../api/quantity.ts";
import type { HostsFile } from "../../policies/hosts/schema.ts";

export type ExportedHost = HostsFile["hosts"][number];

/** A Mac as its agent's status tells of it. */
export function hostOfStatus(name: string, { agent, workloads }: AgentStatus, manifests?: string): ExportedHost {
  return {
    name,
    memory: exactQuantity(BigInt(agent.hostMemoryBytes)),
    allocatable: exactQuantity(BigInt(agent.allocatableBytes)),
    ...(manifests !== undefined && { manifests }),
    models: workloads.flatMap((workload) => modelOf(workload, agent.gatewayUrl)),
  };
}

/** What runs, charged as the agent charges it: with the largest of what is known of its need. A model that sleeps holds nothing. */
function modelOf(
  { name, pid, estimateBytes, projectedBytes, measuredBytes, endpoint }: WorkloadStatus,
  gatewayUrl: string | undefined,
) {
  const bytes = Math.max(estimateBytes ?? 0, projectedBytes ?? 0, measuredBytes ?? 0);
  if (pid === undefined || bytes === 0) return [];
  // The gateway's port is no model's own.
  const port =
    endpoint === undefined || endpoint === gatewayUrl || !URL.canParse(endpoint) ? "" : new URL(endpoint).port;
  return [{ name, memory: exactQuantity(BigInt(bytes)), ...(port !== "" && { ports: [Number(port)] }) }];
}

/** A name that a host can have, from that of this machine: `Studio-1.local` is `studio-1`. */
export function hostNameOf(hostname: string): string {
  const [first = ""] = hostname.toLowerCase().split(".", 1);
  return (
    first
      .replaceAll(/[^a-z0-9-]/g, "-")
      .replaceAll(/^-+|-+$/g, "")
      .slice(0, 63) || "mac"
  );
}
