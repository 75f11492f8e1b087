import {
  API_KEY,
  API_KEY_VARIABLE,
  CONTAINER_NAME,
  MAC_OS_LABEL_VALUE,
  MAC_TAINT,
  NODE_LABELS,
  POD_ANNOTATIONS,
  PORT_NAME,
  PRIORITY_CLASSES,
  weightsImage,
  weightsKey,
} from "../../api/fleet.ts";
import type { InferenceService, InferenceServiceSpec } from "../../api/inferenceservice.ts";
import type { Model } from "../../api/model.ts";
import { ok, type Result } from "../../api/result.ts";
import { mergedAffinity } from "./affinity.ts";
import { ownLabels, selectorLabels } from "./owned.ts";
import { canonicalBytes } from "./quantity.ts";

/** What a pod is made of beside its InferenceService and Model. */
export interface PodFacts {
  readonly uid: string;
  /** Whole bytes that one replica needs: what the scheduler counts. */
  readonly needBytes: number;
  readonly port: number;
  readonly settings: string;
  /** Name of the Secret with the API key. */
  readonly apiKeySecret: string;
}

/** How long a pod stays bound to a Mac that does not answer, in seconds, before another Mac gets its replacement. */
const ABSENT_SECONDS = 60;
const GRACE_SECONDS = 30;

/**
 * The template of a service's pods. Nothing in it is ever executed: it says which InferenceService is served, what the scheduler counts,
 * and where the pod may run. Where the service's own fields say the same thing differently, these win.
 */
export function podTemplate(service: InferenceService, model: Model, facts: PodFacts): Result<object> {
  const { spec, metadata } = service;
  const { memoryBudget, memoryFraction } = model.spec.hardware ?? {};
  const affinity = mergedAffinity(spec, {
    needBytes: facts.needBytes,
    fraction: memoryBudget === undefined ? memoryFraction : undefined,
    weightsKey: weightsKey(model.spec),
  });
  if (!affinity.ok) return affinity;
  return ok({
    metadata: {
      labels: { ...spec.podLabels, ...ownLabels(service) },
      annotations: {
        ...spec.podAnnotations,
        [POD_ANNOTATIONS.service]: metadata.name,
        [POD_ANNOTATIONS.serviceUid]: facts.uid,
        [POD_ANNOTATIONS.settings]: facts.settings,
      },
    },
    spec: {
      containers: [container(model, facts)],
      hostNetwork: true,
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      terminationGracePeriodSeconds: GRACE_SECONDS,
      priorityClassName: spec.priorityClassName || PRIORITY_CLASSES[spec.priority].name,
      nodeSelector: { ...spec.nodeSelector, [NODE_LABELS.os]: MAC_OS_LABEL_VALUE },
      tolerations: tolerations(spec),
      affinity: affinity.value,
      topologySpreadConstraints: spreadConstraints(service),
    },
  });
}

function container(model: Model, { needBytes, port, apiKeySecret }: PodFacts): object {
  return {
    name: CONTAINER_NAME,
    image: weightsImage(model.spec),
    imagePullPolicy: "Never",
    ports: [{ name: PORT_NAME, containerPort: port, hostPort: port, protocol: "TCP" }],
    resources: { requests: { memory: canonicalBytes(needBytes) } },
    env: [{ name: API_KEY_VARIABLE, valueFrom: { secretKeyRef: { name: apiKeySecret, key: API_KEY } } }],
  };
}

/** Taints that every pod of ours tolerates. */
export const OWN_TOLERATIONS = [
  { key: MAC_TAINT.key, operator: "Equal", value: MAC_TAINT.value, effect: MAC_TAINT.effect },
  ...["not-ready", "unreachable"].map((state) => ({
    key: `node.kubernetes.io/${state}`,
    operator: "Exists",
    effect: "NoExecute",
    tolerationSeconds: ABSENT_SECONDS,
  })),
] as const;

function tolerations({ tolerations: theirs = [] }: InferenceServiceSpec): readonly object[] {
  const collides = (their: Readonly<Record<string, unknown>>) =>
    OWN_TOLERATIONS.some(({ key, effect }) => their["key"] === key && their["effect"] === effect);
  return [...OWN_TOLERATIONS, ...theirs.filter((their) => !collides(their))];
}

/** The server refuses two constraints of the same key and answer. */
function spreadConstraints(service: InferenceService): readonly object[] {
  const ours = {
    maxSkew: 1,
    topologyKey: NODE_LABELS.hostname,
    whenUnsatisfiable: "ScheduleAnyway",
    labelSelector: { matchLabels: selectorLabels(service) },
  };
  const theirs = service.spec.topologySpreadConstraints ?? [];
  const collides = (their: Readonly<Record<string, unknown>>) =>
    their["topologyKey"] === ours.topologyKey && their["whenUnsatisfiable"] === ours.whenUnsatisfiable;
  return [ours, ...theirs.filter((their) => !collides(their))];
}
