import type { AgentStatus, WorkloadStatus } from "./status.ts";
import type { WatchdogFile } from "./watchdog-file.ts";

/** The last status of an agent that is stuck or gone, with what its watchdog has measured and stopped since. */
export function withWatchdog(status: AgentStatus, watchdog: WatchdogFile): AgentStatus {
  // A status that is newer tells everything itself.
  if (Date.parse(status.agent.updatedAt) > Date.parse(watchdog.updatedAt)) return status;
  return { ...status, workloads: status.workloads.map((workload) => workloadNow(workload, status, watchdog)) };
}

function workloadNow(workload: WorkloadStatus, { agent }: AgentStatus, watchdog: WatchdogFile): WorkloadStatus {
  const stop = watchdog.stops.findLast(({ id, at }) => id === workload.id && at >= agent.updatedAt);
  if (stop !== undefined) return ended(workload, stop.reason, `${stop.message}; the watchdog stopped it at ${stop.at}`);
  if (workload.pid === undefined) return workload;
  const server = watchdog.servers.find(({ id, pid }) => id === workload.id && pid === workload.pid);
  if (server === undefined)
    return ended(workload, "ServerExited", "its server has ended since the agent's last status");
  const { measuredBytes: _stale, ...rest } = workload;
  return server.measuredBytes === undefined ? rest : { ...rest, measuredBytes: server.measuredBytes };
}

/** Nobody restarts it before the main part lives again. */
function ended(workload: WorkloadStatus, reason: string, message: string): WorkloadStatus {
  const {
    pid: _pid,
    endpoint: _endpoint,
    measuredBytes: _measured,
    enforcementUnknown: _unknown,
    ...others
  } = workload;
  const { startedAt: _startedAt, ...rest } = others;
  return { ...rest, state: "Failed", phase: "Failed", reason, message };
}
