import {
  API_KEY,
  API_KEY_VARIABLE,
  CONTAINER_NAME,
  NODE_LABELS,
  POD_ANNOTATIONS,
  PORT_NAME,
  weightsImage,
} from "../../api/fleet.ts";
import type { InferenceService } from "../../api/inferenceservice.ts";
import type { Model } from "../../api/model.ts";
import { ok, type Result } from "../../api/result.ts";
import { podDemands } from "../../serving/pod-demands.ts";
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

const GRACE_SECONDS = 30;

/**
 * The template of a service's pods. Nothing in it is ever executed: it says which InferenceService is served, what the scheduler counts,
 * and where the pod may run. Where the service's own fields say the same thing differently, these win.
 */
export function podTemplate(service: InferenceService, model: Model, facts: PodFacts): Result<object> {
  const { spec, metadata } = service;
  const demands = podDemands(spec, model.spec, facts.needBytes);
  if (!demands.ok) return demands;
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
      ...demands.value,
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
