import type { PodView } from "../watch/pod-view.ts";
import type { DeploymentFacts } from "./deployment-facts.ts";

/** Why replicas have no Mac. */
export interface Unplaced {
  /** One word. */
  readonly reason: string;
  readonly message: string;
  /** What more of would help. */
  readonly waitingFor?: string;
}

/** Of replicas that could not be created, or not be scheduled; undefined: there is nothing to say, or nobody has said it yet. */
export function unplaced(pods: readonly PodView[], { creationFailure }: DeploymentFacts): Unplaced | undefined {
  if (creationFailure !== undefined) return notCreated(creationFailure);
  const said = pods.find(({ node, unscheduled }) => node === undefined && unscheduled !== undefined)?.unscheduled;
  return said === undefined ? undefined : notScheduled(said);
}

/** The API server's own words, after what they mean. */
function notCreated(said: string): Unplaced {
  if (/exceeded quota/.test(said)) {
    return {
      reason: "QuotaExceeded",
      message: `the ResourceQuota of the namespace is full: ${said}`,
      waitingFor: "quota",
    };
  }
  if (/(maximum|minimum) \S+ usage per|max limit\/request ratio/.test(said)) {
    return { reason: "LimitRangeExceeded", message: `a LimitRange of the namespace forbids the pod: ${said}` };
  }
  if (/PriorityClass/.test(said)) {
    return {
      reason: "PriorityClassMissing",
      message: `the PriorityClass is not there: ${said}; apply pulumi-llmkube manifests controller`,
    };
  }
  return { reason: "PodNotCreated", message: said };
}

/** What the scheduler says of a Node, and what that means for a Mac. In the order of what a person can change. */
const WORDS: readonly (readonly [said: RegExp, means: string, waitingFor?: string])[] = [
  [/Insufficient memory/, "too little memory is free", "memory"],
  [/didn't have free ports|free ports for the requested/, "another replica has the port", "a Mac"],
  [/Too many pods/, "it has as many pods as it may", "a Mac"],
  [/didn't match Pod's node affinity\/selector/, "it is no Mac, or too small for the fraction", "a Mac"],
  [/unreachable|not-ready/, "it does not answer", "a Mac"],
  [/unschedulable/, "it is cordoned", "a Mac"],
  [/untolerated taint/, "it has a taint that keeps models away", "a Mac"],
];

const COUNTED = /(\d+) ([^,.]*(?:\{[^}]*\}[^,.]*)?)/g;

/** `0/3 nodes are available: 1 Insufficient memory, 2 node(s) ...`: by how many nodes, and what it means; as it is where it is not understood. */
function notScheduled(said: string): Unplaced {
  const [, nodes = "", rest = ""] = /^0\/(\d+) nodes are available: (.*)$/s.exec(said) ?? [];
  if (nodes === "") return { reason: "Unschedulable", message: said };
  const [causes = ""] = rest.split(/\. (?:preemption|no new claims)/i);
  const found = [...causes.matchAll(COUNTED)].map(([, count = "", what = ""]) => {
    const known = WORDS.find(([pattern]) => pattern.test(what));
    return {
      text: `${known?.[1] ?? what.trim()} on ${count}`,
      waitingFor: known?.[2],
      rank: known ? WORDS.indexOf(known) : 99,
    };
  });
  if (found.length === 0) return { reason: "Unschedulable", message: said };
  const first = found.toSorted((a, b) => a.rank - b.rank)[0];
  const message = `of ${nodes} nodes none has room: ${found.map(({ text }) => text).join(", ")}`;
  return { reason: "Unschedulable", message, ...(first?.waitingFor !== undefined && { waitingFor: first.waitingFor }) };
}
