import { evictedAgain } from "../decisions/eviction.ts";
import type { WatchdogStop } from "../decisions/watch.ts";
import type { Entry } from "./entry.ts";
import { type Running, stopping } from "./running.ts";

/** Notes that SIGTERM was sent, and why. */
export function beginStop(
  entry: Entry,
  running: Running,
  { reason, message, killed }: Pick<WatchdogStop, "message" | "killed"> & { readonly reason: string },
  now: number,
): void {
  const { gracePeriodMs } = running.inForce;
  if (reason === "Evicted") entry.eviction = evictedAgain(entry.eviction, now);
  entry.stoppedFor = entry.wanted;
  entry.running = stopping(running, { at: now, reason, message, gracePeriodMs, killed });
}

/** Notes a stop that the watchdog began by itself. */
export function noteWatchdogStop(entry: Entry, running: Running, stop: WatchdogStop): void {
  if (running.phase !== "stopping") beginStop(entry, running, stop, stop.at);
  else if (stop.killed && !running.stop.killed) {
    entry.running = { ...running, stop: { ...running.stop, killed: true } };
  }
}
