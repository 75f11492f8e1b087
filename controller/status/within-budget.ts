import type { PodView } from "../watch/pod-view.ts";
import type { Told } from "./service-status.ts";

/** What the agents say of the memory of each replica, together; undefined while none of them has said anything. */
export function withinBudget(pods: readonly PodView[]): Told | undefined {
  const known = pods
    .flatMap(({ name, node, memory }) => (memory === undefined ? [] : [{ name, node: node ?? "", ...memory }]))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  if (known.length === 0) return undefined;
  const message = known.map(({ node, message }) => `${node}: ${message}`).join("; ");
  return known.every(({ isWithinBudget }) => isWithinBudget)
    ? ["True", "WithinBudget", message]
    : ["False", "OverBudget", message];
}
