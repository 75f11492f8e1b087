import type { Entry } from "./entry.ts";

/** Remembers how long its start took. One that was adopted ready says nothing about that. */
export function followLoads(entry: Entry): void {
  const { running } = entry;
  if (running?.phase !== "ready") return;
  const tookMs = running.readyAt - running.startedAt;
  if (tookMs > 0) entry.loadMs = tookMs;
}

/** What a disk of no special speed reads a second, in bytes, where nothing was measured yet. */
const BYTES_A_SECOND = 2 ** 30;
const LEAST_MS = 2000;

/** How long a start takes, in milliseconds: as long as the last one, or by its size. */
export function expectedLoadMs({ loadMs, need }: Entry): number {
  return loadMs ?? LEAST_MS + (1000 * (need?.estimateBytes ?? 0)) / BYTES_A_SECOND;
}
