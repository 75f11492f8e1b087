import type { Pressure } from "../decisions/pressure.ts";
import { lastReading } from "../host/last-reading.ts";
import type { PressureLevel } from "../host/platform.ts";
import type { StatusServer } from "../http/status-server.ts";
import { openFilesLimit, openFilesProblem } from "../lifecycle/open-files.ts";
import type { WorkSource } from "../sources/source.ts";
import { type AgentFacts, agentStatus } from "../status/agent-status.ts";
import type { StatusSinks } from "../status/sink.ts";
import type { Outcome, Supervisor } from "../supervisor/supervisor.ts";
import type { Host } from "./startup.ts";

/** How often the memory that the machine has left is read, in milliseconds: it is for display only. */
const AVAILABLE_MS = 5000;

/** A part of the agent that may have something to say to a person. */
export interface Notices {
  /** Sentences that a person should act on. */
  readonly problems: () => readonly string[];
  /** Sentences for information only. */
  readonly notes: () => readonly string[];
}

export interface Reporter {
  readonly host: Host;
  /** The kernel's limit behind the watchdog, as text for the status. */
  readonly kernelCap: string;
  readonly supervisor: Pick<Supervisor, "pressure" | "problems" | "unloads">;
  readonly source: Pick<WorkSource, "current">;
  /** What else has something to say: the watchdog, the llama-server on the disk, files that hang, other agents. */
  readonly notices: readonly Notices[];
  readonly statusServer: StatusServer;
  /** Where clients reach all models; undefined without a gateway. */
  readonly gatewayUrl: () => string | undefined;
  readonly sinks: StatusSinks;
}

/** Makes the status from the outcome of each tick and publishes it to all sinks. */
export function reporter({ host, kernelCap, supervisor, source, notices, statusServer, gatewayUrl, sinks }: Reporter) {
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
    const work = source.current();
    const problems = [...work.problems, ...notices.flatMap((one) => one.problems()), ...standing];
    const notes = [...work.notes, ...notices.flatMap((one) => one.notes())];
    const reached = gatewayUrl();
    const readings = {
      availableBytes: available(),
      pressure: levelOf(supervisor.pressure()),
      problems,
      notes,
      unloads: reached === undefined ? undefined : supervisor.unloads(),
      now: new Date(),
    };
    const known = reached === undefined ? facts : { ...facts, gatewayUrl: reached };
    sinks.publish(agentStatus(known, readings, workloads));
  };
}

/** The pressure level for the status; null if the last sample failed. */
function levelOf({ level, unknown }: Pressure): PressureLevel | null {
  return unknown ? null : level;
}
