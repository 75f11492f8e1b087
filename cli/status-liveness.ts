import { watchdogPath } from "../agent/state/layout.ts";
import { isRunning } from "../agent/state/living.ts";
import { isLocked } from "../agent/state/lock.ts";
import { type Liveness, livenessOf } from "../agent/status/liveness.ts";
import { withWatchdog } from "../agent/status/overlay.ts";
import type { AgentStatus } from "../agent/status/status.ts";
import { readHeartbeat } from "../agent/status/status-file.ts";
import { readWatchdogFile } from "../agent/status/watchdog-file.ts";

/** A status as it is now: with what a watchdog has done since, and a sentence where no agent holds it up to date. */
export interface StatusNow {
  readonly liveness: Liveness;
  readonly status: AgentStatus;
  /** Undefined where all is well. */
  readonly trouble: string | undefined;
}

export async function statusNow(folder: string, status: AgentStatus): Promise<StatusNow> {
  const liveness = await livenessIn(folder);
  if (liveness.is === "running") return { liveness, status, trouble: undefined };
  const { watchdog } = liveness;
  const current = watchdog === undefined ? status : withWatchdog(status, watchdog);
  return { liveness, status: current, trouble: troubleOf(liveness, status) };
}

async function livenessIn(folder: string): Promise<Liveness> {
  const [locked, heartbeat, watchdog] = await Promise.all([
    isLocked(folder),
    readHeartbeat(folder),
    readWatchdogFile(watchdogPath(folder)),
  ]);
  const now = Date.now();
  const signs = { now, heartbeatAt: heartbeat?.getTime(), watchdog };
  const watchdogLives = watchdog !== undefined && (await isRunning(watchdog.pid));
  return livenessOf({ ...signs, held: locked, watchdogLives });
}

function troubleOf(liveness: Exclude<Liveness, { is: "running" }>, { agent }: AgentStatus): string {
  const { watchdog } = liveness;
  const last = `this is the last status, from ${agent.updatedAt}`;
  if (liveness.is === "gone") {
    if (watchdog === undefined) return `no agent runs; ${last}`;
    return `no agent runs; the watchdog (pid ${watchdog.pid}) goes on holding its servers to their budgets`;
  }
  const stuck = `the agent's main part has been stuck for ${Math.round(liveness.forMs / 1000)} s`;
  if (watchdog === undefined) return `${stuck}; ${last}`;
  return `${stuck}; the watchdog (pid ${watchdog.pid}) goes on holding its servers to their budgets`;
}
