import { PRIORITY_CLASSES } from "../../api/fleet.ts";

/** `priority high`: the lowest of `InferenceService.spec.priority` that is above this one; undefined: none is. */
export function priorityAbove(above: number): string | undefined {
  const higher = Object.entries(PRIORITY_CLASSES).filter(([, { value }]) => value > above);
  const lowest = higher.toSorted(([, a], [, b]) => a.value - b.value)[0];
  return lowest && `priority ${lowest[0]}`;
}
