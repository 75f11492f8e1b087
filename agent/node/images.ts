import type { HeldWeights } from "./node-object.ts";

/**
 * Weights that a Node tells of, as images and as labels: the 50 largest, as kubelet's `nodeStatusMaxImages` has it by default. A Node is
 * read by every scheduler and controller of the cluster, and the largest are those that cost most to fetch again.
 */
export const MOST_IMAGES = 50;

/** The largest first, and always in the same order. */
export function toldWeights(held: readonly HeldWeights[], most: number = MOST_IMAGES): readonly HeldWeights[] {
  return held.toSorted((one, other) => other.bytes - one.bytes || (one.key < other.key ? -1 : 1)).slice(0, most);
}
