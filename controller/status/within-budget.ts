import { type MemoryNumbers, parseMemory } from "../../api/fleet-memory.ts";
import type { PodView } from "../watch/pod-view.ts";
import type { Told } from "./told.ts";

/** What the agents say of the memory of each replica, together; undefined while none of them has said anything. */
export function withinBudget(pods: readonly PodView[]): Told | undefined {
  const known = pods
    .flatMap(({ name, node, memory }) => (memory === undefined ? [] : [{ name, node: node ?? "", ...memory }]))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  if (known.length === 0) return undefined;
  const message = known.map(({ node, message }) => `${node}: ${message}${driftText(parseMemory(message))}`).join("; ");
  return known.every(({ isWithinBudget }) => isWithinBudget)
    ? ["True", "WithinBudget", message]
    : ["False", "OverBudget", message];
}

/** A difference that is said; in percent of the estimate. */
const MOST_DRIFT_PERCENT = 5;

/**
 * Where the estimate was wrong by more than that. A server that has less than was estimated has not touched all of it yet, and is no news;
 * a projection is whole from the start.
 */
function driftText(numbers: MemoryNumbers | undefined): string {
  const { estimateBytes, projectedBytes, measuredBytes } = numbers ?? {};
  if (estimateBytes === undefined || estimateBytes === 0) return "";
  const percentOf = (bytes: number | undefined) =>
    bytes === undefined ? 0 : ((bytes - estimateBytes) / estimateBytes) * 100;
  const [projected, measured] = [percentOf(projectedBytes), percentOf(measuredBytes)];
  const said = [
    ...(Math.abs(projected) > MOST_DRIFT_PERCENT ? [`projected is ${apart(projected)}`] : []),
    ...(measured > MOST_DRIFT_PERCENT ? [`measured is ${apart(measured)}`] : []),
  ];
  return said.length === 0 ? "" : ` (${said.join(", ")} the estimate)`;
}

function apart(percent: number): string {
  return `${Math.round(Math.abs(percent))} % ${percent > 0 ? "above" : "below"}`;
}
