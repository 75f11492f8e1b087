import { evictedAgain } from "../decisions/eviction.ts";
import { failuresOfDay, withCount } from "../decisions/health.ts";
import type { Stop } from "../decisions/server-view.ts";
import type { WatchdogStop } from "../decisions/watch.ts";
import type { Entry } from "./entry.ts";
import { type Running, stopping } from "./running.ts";

/** Notes that SIGTERM was sent, or follows once its conversations are saved, and why. Of a failure it says how often there was one. */
export function beginStop(entry: Entry, running: Running, stop: Omit<Stop, "at">, now: number): void {
  if (stop.reason === "Evicted") entry.eviction = evictedAgain(entry.eviction, now);
  // A breach of the budget has a count of its own.
  const failed = stop.failure && stop.reason !== "BudgetExceeded";
  if (failed) entry.failedAt = failuresOfDay(entry.failedAt, now);
  const message = failed ? withCount(stop.message, entry.failedAt) : stop.message;
  entry.stoppedFor = entry.wanted;
  entry.running = stopping(running, { ...stop, message, at: now });
}

/** Notes a stop that the watchdog began by itself. */
export function noteWatchdogStop(entry: Entry, running: Running, stop: WatchdogStop): void {
  if (running.phase !== "stopping") {
    const { at, ...rest } = stop;
    const { gracePeriodMs } = running.inForce;
    beginStop(entry, running, { ...rest, failure: stop.reason === "BudgetExceeded", gracePeriodMs }, at);
  }
  if (running.phase === "stopping" && stop.killed && !running.stop.killed) {
    entry.running = { ...running, stop: { ...running.stop, killed: true } };
  }
}
