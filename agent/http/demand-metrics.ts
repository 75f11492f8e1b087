import type { AgentStatus, Unload } from "../status/status.ts";
import { type Definition, each, type Labels, labelsOf, PREFIX, type Series, WORKLOAD } from "./series.ts";

/** What the status says of the clients of the gateway. Without a gateway none of these has a series. */
export const DEMAND_GAUGES: readonly Definition[] = [
  each(
    "gateway_requests_in_flight",
    "Requests of the gateway that the model's server works on.",
    ({ demand }) => demand?.inFlight,
  ),
  each("gateway_requests_waiting", "Requests of the gateway that wait for the model.", ({ demand }) => demand?.waiting),
];

/** Without saved conversations none of these has a series. */
const SLOT_COUNTERS: readonly Definition[] = [
  each(
    "gateway_slots_saved_total",
    "Conversations that were saved to disk when the model was unloaded, since the agent was started.",
    ({ savedSlots }) => savedSlots?.saves,
  ),
  each(
    "gateway_slots_restored_total",
    "Saved conversations that the model was given when it was loaded, since the agent was started.",
    ({ savedSlots }) => savedSlots?.restores,
  ),
  each(
    "gateway_slots_restored_tokens_total",
    "Tokens of saved conversations that the model was given, since the agent was started.",
    ({ savedSlots }) => savedSlots?.restoredTokens,
  ),
  {
    name: `${PREFIX}gateway_slots_discarded_total`,
    help: "Times that conversations were not saved, or not used, since the agent was started, by reason.",
    labels: [...WORKLOAD, "reason"],
    series: ({ workloads }) =>
      workloads.flatMap((workload) =>
        Object.entries(workload.savedSlots?.discarded ?? {}).map(
          ([reason, count]) => [{ ...labelsOf(workload), reason }, count] as const,
        ),
      ),
  },
];

export interface DemandCounters {
  readonly definitions: readonly Definition[];
  /** Takes a new status; the same one again counts nothing. */
  readonly observe: (status: AgentStatus) => void;
}

/** An unload names its service, not its workload: those of all replicas add up. */
const UNLOAD: Labels = ["name", "namespace"];

export function demandCounters(): DemandCounters {
  /** The unloads that the last status had, of which each counts once. */
  let seen: ReadonlySet<string> = new Set();
  const unloads = new Map<string, Map<Unload["reason"], number>>();
  const swaps = new Map<string, number>();
  return {
    definitions: [
      each(
        "gateway_wakes_total",
        "Times that a request made the model load, since the agent was started.",
        ({ wakes }) => wakes,
      ),
      ...SLOT_COUNTERS,
      {
        name: `${PREFIX}gateway_unloads_total`,
        help: "Times that the model was unloaded, since the agent was started: Idle, or MadeRoom for another.",
        labels: [...UNLOAD, "reason"],
        series: () =>
          [...unloads].flatMap(([name, counts]) =>
            [...counts].map(([reason, count]) => [{ ...labelsOfName(name), reason }, count] as const),
          ),
      },
      {
        name: `${PREFIX}gateway_swaps_total`,
        help: "Models that were unloaded so that this one could load, since the agent was started.",
        labels: UNLOAD,
        series: (): Series => [...swaps].map(([name, count]) => [labelsOfName(name), count] as const),
      },
    ],
    observe: ({ agent, workloads }) => {
      const all = agent.unloads ?? [];
      for (const unload of all) if (!seen.has(keyOf(unload))) countUnload(unload);
      seen = new Set(all.map(keyOf));
      const left = new Set(workloads.map(({ name }) => name));
      for (const counts of [unloads, swaps]) for (const name of counts.keys()) if (!left.has(name)) counts.delete(name);
    },
  };

  function countUnload({ name, reason, madeRoomFor }: Unload): void {
    const counts = unloads.get(name) ?? new Map<Unload["reason"], number>();
    counts.set(reason, (counts.get(reason) ?? 0) + 1);
    unloads.set(name, counts);
    if (madeRoomFor !== undefined) swaps.set(madeRoomFor, (swaps.get(madeRoomFor) ?? 0) + 1);
  }
}

function keyOf({ at, name, reason }: Unload): string {
  return `${at} ${reason} ${name}`;
}

function labelsOfName(both: string): Readonly<Record<string, string>> {
  const [namespace = "", name = ""] = both.split("/");
  return { namespace, name };
}
