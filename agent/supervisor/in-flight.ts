import type { InFlight } from "../decisions/drain.ts";
import { mustEvict, type Pressure } from "../decisions/pressure.ts";
import type { Entry } from "./entry.ts";
import type { GatewayDemand } from "./options.ts";

interface Situation {
  readonly gateway: GatewayDemand | undefined;
  readonly pressure: Pressure;
}

/** What a stop of its server may wait for: nothing without a gateway, nor while memory is short, nor beyond its budget. */
export function inFlightOf(entry: Entry, { gateway, pressure }: Situation): InFlight | undefined {
  if (gateway === undefined || mustEvict(pressure) || mayExceedBudget(entry)) return undefined;
  return { requests: gateway.demandOf(entry.id).inFlight, drainsSince: entry.drainsSince };
}

/** Whether it holds more than its budget allows by now, or may come to: its own need, not that of the settings which are wanted now. */
function mayExceedBudget({ running, footprint }: Entry): boolean {
  if (running === undefined) return false;
  const { estimateBytes = 0, projectedBytes = 0 } = running.record.served ?? {};
  return Math.max(footprint.measuredBytes ?? 0, estimateBytes, projectedBytes) > running.inForce.budget.bytes;
}
