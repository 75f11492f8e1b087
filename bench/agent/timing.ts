import { setTimeout as sleep } from "node:timers/promises";
import type { WorkloadStatus } from "../../agent/status/status.ts";
import { readStatus } from "../../agent/status/status-file.ts";
import type { Site } from "../../test/agent/harness.ts";

const POLL_MS = 5;
const TIMEOUT_MS = 120_000;

/** Milliseconds until `holds` is true for the status of `default/NAME`. */
export async function timeUntil(
  site: Site,
  name: string,
  holds: (workload: WorkloadStatus) => boolean,
): Promise<number> {
  return timeUntilSeen(site, name, (found) => found !== undefined && holds(found));
}

/** Milliseconds until the status does not name `default/NAME` any more. */
export async function timeUntilGone(site: Site, name: string): Promise<number> {
  return timeUntilSeen(site, name, (found) => found === undefined);
}

async function timeUntilSeen(
  site: Site,
  name: string,
  holds: (workload: WorkloadStatus | undefined) => boolean,
): Promise<number> {
  const begin = performance.now();
  while (performance.now() - begin < TIMEOUT_MS) {
    const status = await readStatus(site.state);
    if (status.ok && holds(status.value.workloads.find((one) => one.name === `default/${name}`))) {
      return performance.now() - begin;
    }
    await sleep(POLL_MS);
  }
  throw new Error(`default/${name} did not reach the expected state within ${TIMEOUT_MS / 1000} s`);
}

export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
