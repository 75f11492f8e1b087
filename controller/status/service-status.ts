import { DEFAULT_PORT } from "../../api/constants.ts";
import { childName, PRIORITY_CLASSES, SERVICE_CONDITIONS, SLEEPING } from "../../api/fleet.ts";
import type { InferenceService, InferenceServiceStatus } from "../../api/inferenceservice.ts";
import type { WantedCondition } from "../../kube/conditions.ts";
import { wantedReplicas } from "../../serving/pod-demands.ts";
import { selectorLabels } from "../plan/owned.ts";
import type { PodView } from "../watch/pod-view.ts";
import type { DeploymentFacts } from "./deployment-facts.ts";
import type { Told } from "./told.ts";
import { type Unplaced, unplaced } from "./unplaced.ts";
import type { Verdict } from "./verdict.ts";
import { withinBudget } from "./within-budget.ts";

/** The status as the controller wants it: fields of LLMKube's schema only, and the conditions that are its own. */
export interface WantedStatus<Fields> {
  readonly fields: Fields;
  readonly conditions: readonly WantedCondition[];
}

export interface ServiceFacts {
  /** Undefined: its manifest cannot be read. */
  readonly service: InferenceService | undefined;
  readonly generation: number;
  readonly verdict: Verdict;
  readonly deployment: DeploymentFacts;
  /** Of the service, those that are going included. */
  readonly pods: readonly PodView[];
  /** Adds to the scheduler's words what would let a replica in; default: nothing. */
  readonly withWayIn?: ((message: string) => string) | undefined;
  /** The CRD has a field for the selector of the pods, which is not LLMKube's. */
  readonly hasSelectorField: boolean;
  /** LLMKube's operator writes phase, readyReplicas and endpoint of this object: they are left to it. */
  readonly isOthersToo: boolean;
}

/** Fields of {@link serviceStatus}. */
export const SERVICE_FIELDS = [
  "phase",
  "readyReplicas",
  "endpoint",
  "mode",
  "effectivePriority",
  "selector",
  "desiredReplicas",
  "replicas",
  "modelReady",
  "schedulingStatus",
  "schedulingMessage",
  "waitingFor",
] as const satisfies readonly (keyof InferenceServiceStatus)[];

type Fields = Omit<InferenceServiceStatus, "conditions" | "lastUpdated">;

export function serviceStatus(facts: ServiceFacts): WantedStatus<Fields> {
  const { service, verdict, deployment, generation } = facts;
  const pods = facts.pods.filter(({ isDeleting, phase }) => !isDeleting && phase !== "Failed" && phase !== "Succeeded");
  const wanted = service === undefined ? deployment.wanted : wantedReplicas(service);
  const missing = wanted === 0 ? undefined : unplaced(pods, deployment, facts.withWayIn);
  const operators = {
    phase: phaseOf(facts, pods, wanted),
    readyReplicas: deployment.ready,
    ...(service !== undefined && verdict.kind === "planned" && { endpoint: endpointOf(service) }),
  };
  const condition = (type: string, [holds, reason, message]: Told): WantedCondition => ({
    type,
    status: holds,
    reason,
    message,
    observedGeneration: generation,
  });
  const memory = withinBudget(pods);
  return {
    fields: {
      ...(facts.isOthersToo ? {} : operators),
      ...(service !== undefined && { mode: service.spec.mode ?? "chat", effectivePriority: priorityOf(service) }),
      ...(facts.hasSelectorField && service !== undefined && { selector: selectorText(service) }),
      desiredReplicas: wanted,
      replicas: deployment.replicas,
      modelReady: verdict.kind === "planned",
      ...scheduling(verdict, missing),
    },
    conditions: [
      condition(SERVICE_CONDITIONS.accepted, accepted(verdict)),
      condition(SERVICE_CONDITIONS.scheduled, scheduled(verdict, wanted, pods, missing)),
      condition(SERVICE_CONDITIONS.available, available(wanted, deployment, asleep(pods))),
      ...(memory === undefined ? [] : [condition(SERVICE_CONDITIONS.withinBudget, memory)]),
    ],
  };
}

function accepted(verdict: Verdict): Told {
  if (verdict.kind === "planned") return ["True", "Fits", verdict.message];
  return [verdict.kind === "waiting" ? "Unknown" : "False", verdict.reason, verdict.message];
}

function scheduled(verdict: Verdict, wanted: number, pods: readonly PodView[], missing: Unplaced | undefined): Told {
  const placed = pods.filter(({ node }) => node !== undefined);
  const macs = placed.map(({ node }) => node).sort();
  if (wanted === 0) return ["True", "Stopped", "no replica is wanted"];
  if (placed.length >= wanted)
    return ["True", "Scheduled", `${wanted} of ${wanted} replicas are on ${macs.join(", ")}`];
  const some = `${placed.length} of ${wanted} replicas have a Mac`;
  if (verdict.kind === "refused") return ["False", verdict.reason, `${some}; nothing is scheduled anew: see Accepted`];
  if (missing === undefined) return ["Unknown", "Scheduling", some];
  return ["False", missing.reason, `${some}: ${missing.message}`];
}

function asleep(pods: readonly PodView[]): number {
  return pods.filter(({ reason }) => reason === SLEEPING).length;
}

function available(wanted: number, { ready }: DeploymentFacts, sleeping: number): Told {
  const message = `${ready} of ${wanted} replicas answer`;
  if (wanted === 0) return ["False", "Stopped", "no replica is wanted"];
  if (sleeping > 0 && ready < wanted && ready + sleeping >= wanted) {
    return ["False", SLEEPING, `${message}; a request to the gateway of its Mac wakes one that sleeps`];
  }
  return ready >= wanted ? ["True", "AllReady", message] : ["False", "NotReady", message];
}

/** LLMKube's words. Nothing where there is nothing to say: then the fields are taken away. */
function scheduling(verdict: Verdict, missing: Unplaced | undefined) {
  if (verdict.kind === "refused") return { schedulingStatus: verdict.reason, schedulingMessage: verdict.message };
  if (missing === undefined) return {};
  const { reason, message, waitingFor } = missing;
  return { schedulingStatus: reason, schedulingMessage: message, ...(waitingFor !== undefined && { waitingFor }) };
}

type Phase = NonNullable<InferenceServiceStatus["phase"]>;

function phaseOf({ service, verdict, deployment }: ServiceFacts, pods: readonly PodView[], wanted: number): Phase {
  if (service?.spec.suspend) return "Suspended";
  if (wanted === 0 && service !== undefined) return "Stopped";
  if (wanted > 0 && deployment.ready >= wanted) return "Ready";
  if (deployment.ready > 0) return "Progressing";
  if (verdict.kind === "refused") return verdict.isPersons ? "Failed" : "Pending";
  if (asleep(pods) >= wanted) return "Stopped";
  return pods.some(({ node }) => node !== undefined) ? "Creating" : "Pending";
}

function selectorText(service: InferenceService): string {
  const labels = Object.entries(selectorLabels(service));
  return labels.map(([key, value]) => `${key}=${value}`).join();
}

function priorityOf({ spec }: InferenceService): number {
  return PRIORITY_CLASSES[spec.priority].value;
}

function endpointOf({ metadata, spec }: InferenceService): string {
  const { port = DEFAULT_PORT, path = "/v1/chat/completions" } = spec.endpoint ?? {};
  return `http://${childName(metadata.name)}.${metadata.namespace}.svc.cluster.local:${port}${path}`;
}
