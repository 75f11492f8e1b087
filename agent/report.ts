import { formatBytes } from "../api/quantity.ts";
import type { HostClaims, Other } from "./claims/host-claims.ts";
import type { Pressure } from "./decisions/pressure.ts";
import { lastReading } from "./host/last-reading.ts";
import type { PressureLevel } from "./host/platform.ts";
import type { StatusServer } from "./http/status-server.ts";
import { openFilesLimit, openFilesProblem } from "./lifecycle/open-files.ts";
import type { WorkSource } from "./sources/source.ts";
import type { Host } from "./startup.ts";
import { type AgentFacts, agentStatus } from "./status/agent-status.ts";
import type { StatusSinks } from "./status/sink.ts";
import type { Outcome, Supervisor } from "./supervisor/supervisor.ts";
import type { Watchdog } from "./watchdog/watchdog.ts";

/** How often the memory that the machine has left is read, in milliseconds: it is for display only. */
const AVAILABLE_MS = 5000;

export interface Reporter {
  readonly host: Host;
  /** The kernel's limit behind the watchdog, as text for the status. */
  readonly kernelCap: string;
  readonly supervisor: Pick<Supervisor, "pressure">;
  readonly watchdog: Pick<Watchdog, "problem">;
  readonly claims: Pick<HostClaims, "others" | "problems">;
  readonly source: Pick<WorkSource, "current">;
  readonly statusServer: StatusServer;
  readonly sinks: StatusSinks;
}

/** Makes the status from the outcome of each tick and publishes it to all sinks. */
export function reporter(reporter: Reporter) {
  const { host, kernelCap, supervisor, watchdog, claims, source, statusServer, sinks } = reporter;
  const { url, problem } = statusServer;
  const standing = [openFilesProblem(openFilesLimit()), problem].filter((one) => one !== undefined);
  const facts: AgentFacts = {
    pid: process.pid,
    startedAt: new Date().toISOString(),
    hostMemoryBytes: host.facts.hostMemoryBytes ?? host.platform.hostMemoryBytes,
    allocatableBytes: host.allocatable.bytes,
    backend: host.platform.backend,
    kernelCap,
    ...(url === undefined ? {} : { pageUrl: url }),
  };
  const available = lastReading(host.platform.availableBytes, AVAILABLE_MS);
  return ({ workloads, terminated }: Outcome, seconds: number): void => {
    statusServer.ticked(seconds);
    for (const last of terminated) sinks.terminated(last);
    const { problems, notes } = source.current();
    const found = [...problems, ...claims.problems()];
    const readings = {
      availableBytes: available(),
      pressure: levelOf(supervisor.pressure()),
      problems: [...found, ...standing, ...[watchdog.problem()].filter((one) => one !== undefined)],
      notes: [...notes, ...claims.others().map(holdsNote)],
      now: new Date(),
    };
    sinks.publish(agentStatus(facts, readings, workloads));
  };
}

function holdsNote({ label, bytes }: Other): string {
  return `${formatBytes(bytes)} of this machine's memory are held by ${label}`;
}

/** The pressure level for the status; null if the last sample failed. */
function levelOf({ level, unknown }: Pressure): PressureLevel | null {
  return unknown ? null : level;
}
