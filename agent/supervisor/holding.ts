import { kernelLimitBytes } from "../kernel-limit/kernel-limit.ts";
import type { Held, HeldProcess } from "../watchdog/protocol.ts";
import type { Workload } from "../workload/workload.ts";
import { fileNameOf, type WorkloadId } from "../workload/workload-id.ts";
import { adoptedEntry } from "./adopt.ts";
import type { Entry } from "./entry.ts";
import type { AdoptedServer } from "./options.ts";

/** The name by which the watchdog knows the server of a workload. */
export function serverKey(id: WorkloadId): string {
  return fileNameOf(id);
}

/** All that the watchdog is to hold: the servers, and those that are only asked for a projection. */
export function holdingOf(entries: Iterable<Entry>, projections: readonly HeldProcess[], shareBytes: number): Held {
  return { processes: [...[...entries].flatMap(heldServer), ...projections], shareBytes };
}

/** What the watchdog is to hold before there is a supervisor: what was adopted, to the budgets of the records. */
export function holdingOfAdopted(adopted: readonly AdoptedServer[], shareBytes: number, clock: () => number): Held {
  return holdingOf(
    adopted.map((one) => adoptedEntry(one, { kernelLimit: undefined, clock })),
    [],
    shareBytes,
  );
}

function heldServer({ running }: Entry): readonly HeldProcess[] {
  const pid = running?.process.pid;
  if (running === undefined || pid === undefined) return [];
  const { inForce, record, startedAt, phase } = running;
  const { startTime } = record;
  const order = { priority: inForce.priority, startedAt, leaving: phase === "stopping" };
  const { logPath } = running.process;
  return [{ key: serverKey(inForce.id), pid, startTime, logPath, ...order, ...heldTo(inForce) }];
}

/** What the workload says about how it is to be held. */
export function heldTo({ id, name, budget, evictionProtection }: Workload) {
  return { id, name, budget, hardLimitBytes: kernelLimitBytes(budget.bytes), protected: evictionProtection };
}
