import { explainUnscheduled } from "../plan/scheduler-words.ts";
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

/**
 * Of replicas that could not be created, or not be scheduled; undefined: there is nothing to say, or nobody has said it yet.
 *
 * @param withWayIn adds to a message what would let a replica in
 */
export function unplaced(
  pods: readonly PodView[],
  { creationFailure }: DeploymentFacts,
  withWayIn: (message: string) => string = (message) => message,
): Unplaced | undefined {
  if (creationFailure !== undefined) return notCreated(creationFailure);
  const said = pods.find(({ node, unscheduled }) => node === undefined && unscheduled !== undefined)?.unscheduled;
  if (said === undefined) return undefined;
  const { reason, message, waitingFor } = explainUnscheduled(said);
  return { reason, message: withWayIn(message), ...(waitingFor !== undefined && { waitingFor }) };
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
