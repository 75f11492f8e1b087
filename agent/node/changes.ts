import { isDeepStrictEqual } from "node:util";
import { MAC_TAINT } from "../../api/fleet.ts";
import { quantityBytes } from "../../api/quantity.ts";
import type { Condition } from "./conditions.ts";
import type { LiveNode } from "./live-node.ts";
import { isOwnLabel, type NodeFacts, type NodeStatus, nodeLabels, nodeStatus, timeOf } from "./node-object.ts";

/**
 * A merge patch that gives the Node the agent's own labels, and takes those away that are its own and not so any more; undefined where
 * nothing is to be changed. Labels, annotations and taints of others are not in it.
 */
export function metadataPatch(live: LiveNode, facts: NodeFacts): object | undefined {
  const wanted = nodeLabels(facts);
  const { labels, uid } = live.metadata;
  const changed: Record<string, string | null> = {};
  for (const [label, value] of Object.entries(wanted)) if (labels[label] !== value) changed[label] = value;
  for (const label of Object.keys(labels)) if (isOwnLabel(label) && !(label in wanted)) changed[label] = null;
  // With the uid it is a conflict, and not a change, where another Node of the name has taken its place.
  return Object.keys(changed).length === 0 ? undefined : { metadata: { uid, labels: changed } };
}

/** A change of the Node's status. */
export interface StatusChange {
  /** A strategic merge patch, without the times of the conditions. */
  readonly status: Readonly<Record<string, unknown>>;
  /** Nothing but sentences in it is another, which nobody acts on. */
  readonly wordsOnly: boolean;
}

/** What of the status is not as it should be; undefined where all is. When a condition was last heard of is no difference. */
export function statusChange(live: LiveNode, facts: NodeFacts): StatusChange | undefined {
  const wanted = nodeStatus(facts);
  const { status } = live;
  const changed: Record<string, unknown> = {};
  const fields = [
    ["capacity", sameQuantity],
    ["allocatable", sameQuantity],
    ["nodeInfo", Object.is],
  ] as const;
  for (const [field, isSame] of fields) {
    const different = differing(status[field], wanted[field], isSame);
    if (different !== undefined) changed[field] = different;
  }
  if (status.daemonEndpoints.kubeletEndpoint.Port !== wanted.daemonEndpoints.kubeletEndpoint.Port) {
    changed["daemonEndpoints"] = wanted.daemonEndpoints;
  }
  // A patch of this list would be merged by type, and leave an address that this Mac has no longer.
  if (!isDeepStrictEqual(status.addresses, wanted.addresses)) {
    changed["addresses"] = [...wanted.addresses, { $patch: "replace" }];
  }
  if (!isDeepStrictEqual(status.images, plain(wanted.images))) changed["images"] = wanted.images;
  const conditions = facts.conditions.map((condition) => differenceOf(live, condition));
  if (Object.keys(changed).length === 0 && conditions.every((difference) => difference === "none")) return undefined;
  return { status: changed, wordsOnly: Object.keys(changed).length === 0 && !conditions.includes("status") };
}

/** The patch of a change, or of the heartbeat alone. Each write tells of all conditions, that they are still so. */
export function statusPatch(live: LiveNode, facts: NodeFacts, change: StatusChange | undefined, now: Date): object {
  const conditions = facts.conditions.map((condition) => ({
    ...condition,
    lastHeartbeatTime: timeOf(now),
    lastTransitionTime: transitionTime(live, condition, now),
  }));
  return { metadata: { uid: live.metadata.uid }, status: { ...change?.status, conditions } };
}

/** What a person has to do where the taint was removed: NodeRestriction keeps a Node from changing its own taints. */
export function taintProblem(live: LiveNode, name: string): string | undefined {
  const { key, value, effect } = MAC_TAINT;
  if (live.spec.taints.some((taint) => taint.key === key && taint.effect === effect)) return undefined;
  return `the Node ${name} lacks the taint that keeps pods of containers away: kubectl taint node ${name} ${key}=${value}:${effect}`;
}

function differing(
  live: Readonly<Record<string, unknown>>,
  wanted: Readonly<Record<string, string>>,
  isSame: (one: unknown, other: string) => boolean,
): Readonly<Record<string, string>> | undefined {
  const different = Object.entries(wanted).filter(([key, value]) => !isSame(live[key], value));
  return different.length === 0 ? undefined : Object.fromEntries(different);
}

/** The API server writes a quantity in a form of its own: `24Gi` for `25165824Ki`. */
function sameQuantity(one: unknown, other: string): boolean {
  return typeof one === "string" && quantityBytes(one) === quantityBytes(other);
}

function differenceOf(live: LiveNode, { type, status, reason, message }: Condition): "none" | "words" | "status" {
  const known = live.status.conditions.find((condition) => condition.type === type);
  if (known?.status !== status || known.reason !== reason)
    return known && isAsGood(known, type, status) ? "none" : "status";
  // A sentence that counts something would be another one at each look.
  return withoutNumbers(known.message) === withoutNumbers(message) ? "none" : "words";
}

/**
 * Kubernetes says Unknown of an agent that it has not heard of, also while the agent itself says that it is not ready: either way no pod
 * comes, and each would write over the other for ever.
 */
function isAsGood(known: { readonly status: string }, type: string, status: string): boolean {
  return type === "Ready" && status === "False" && known.status === "Unknown";
}

function withoutNumbers(sentence: string): string {
  return sentence.replaceAll(/\d+(\.\d+)?/g, "#");
}

function transitionTime(live: LiveNode, { type, status }: Condition, now: Date): string {
  const known = live.status.conditions.find((condition) => condition.type === type);
  return known?.status === status ? (known.lastTransitionTime ?? timeOf(now)) : timeOf(now);
}

function plain(
  images: NodeStatus["images"],
): readonly { readonly names: readonly string[]; readonly sizeBytes: number }[] {
  return images.map(({ names, sizeBytes }) => ({ names: [...names], sizeBytes }));
}
