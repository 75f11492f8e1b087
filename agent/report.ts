import type { Pressure } from "./decisions/pressure.ts";
import { lastReading } from "./host/last-reading.ts";
import type { PressureLevel } from "./host/platform.ts";
import type { StatusServer } from "./http/status-server.ts";
import type { WorkSource } from "./sources/source.ts";
import type { Host } from "./startup.ts";
import { type AgentFacts, agentStatus } from "./status/agent-status.ts";
import type { StatusSinks } from "./status/sink.ts";
import type { Outcome, Supervisor } from "./supervisor/supervisor.ts";

export interface Reporter {
  readonly host: Host;
  /** The kernel's limit behind the watchdog, as text for the status. */
  readonly kernelCap: string;
  readonly supervisor: Pick<Supervisor, "pressure" | "problems">;
  readonly source: Pick<WorkSource, "current">;
  readonly statusServer: StatusServer;
  readonly sinks: StatusSinks;
}

/** Makes the status from the outcome of each tick and publishes it to all sinks. */
export function reporter({ host, kernelCap, supervisor, source, statusServer, sinks }: Reporter) {
  const { url, problem } = statusServer;
  const facts: AgentFacts = {
    pid: process.pid,
    startedAt: new Date().toISOString(),
    hostMemoryBytes: host.facts.hostMemoryBytes ?? host.platform.hostMemoryBytes,
    allocatableBytes: host.allocatable.bytes,
    backend: host.platform.backend,
    kernelCap,
    ...(url === undefined ? {} : { pageUrl: url }),
  };
  const available = lastReading(host.platform.availableBytes);
  return ({ workloads, terminated }: Outcome, seconds: number): void => {
    statusServer.ticked(seconds);
    for (const last of terminated) sinks.terminated(last);
    const { problems, notes } = source.current();
    const all = [...problems, ...supervisor.problems(), ...(problem === undefined ? [] : [problem])];
    const readings = {
      availableBytes: available(),
      pressure: levelOf(supervisor.pressure()),
      problems: all,
      notes,
      now: new Date(),
    };
    sinks.publish(agentStatus(facts, readings, workloads));
  };
}

/** The pressure level for the status; null if the last sample failed. */
function levelOf({ level, unknown }: Pressure): PressureLevel | null {
  return unknown ? null : level;
}
