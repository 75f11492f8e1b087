import { DEFAULT_PORT } from "../../api/constants.ts";
import { API_KEY, PORT_NAME, SERVICE_ANNOTATIONS } from "../../api/fleet.ts";
import type { InferenceService } from "../../api/inferenceservice.ts";
import { metadataSchema } from "../../api/metadata.ts";
import type { Model } from "../../api/model.ts";
import { fail, ok, type Result } from "../../api/result.ts";
import type { KubeObject } from "../../kube/client.ts";
import type { KnownEstimate } from "../../memory/estimate/types.ts";
import { wantedReplicas } from "../../serving/pod-demands.ts";
import { settingsHash } from "../../serving/settings-hash.ts";
import { estimateAnnotations } from "./estimate.ts";
import { childNames, ownMeta, selectorLabels } from "./owned.ts";
import { podTemplate } from "./pod-template.ts";

export interface ServiceToPlan {
  /** As the API server has it, with its uid. */
  readonly service: InferenceService;
  readonly model: Model;
  /** The Model that `draftModelRef` names. */
  readonly draft?: Model | undefined;
  /** Of one replica. */
  readonly estimate: KnownEstimate;
  /** {@link allocatePort} */
  readonly port: number;
  /** A random API key, for the Secret where the service names none. */
  readonly apiKey: string;
}

/** The objects that a service consists of. All but the Secret are applied as they are here. */
export interface ServicePlan {
  readonly deployment: KubeObject;
  readonly service: KubeObject;
  /** Undefined: there must be none. */
  readonly podDisruptionBudget: KubeObject | undefined;
  /** Created where there is none, and never changed: its key is another one in each plan. Undefined: the service names a Secret. */
  readonly secret: KubeObject | undefined;
  readonly settings: string;
}

/** Kubernetes keeps ten, each an object; what an earlier one of ours said is in the InferenceService's own history. */
const REVISIONS = 2;
/** A download of weights can take hours, and is no failure meanwhile. */
const PROGRESS_SECONDS = 24 * 3600;

/**
 * The objects of an InferenceService whose need is known. The same input gives the same objects, but for the key in the Secret. Fails,
 * with a sentence, where a field of the service cannot be used.
 */
export function planService(input: ServiceToPlan): Result<ServicePlan> {
  const { service, model, draft, estimate, port } = input;
  const { uid, namespace, name } = service.metadata;
  if (uid === undefined)
    return fail(`InferenceService ${namespace}/${name} has no uid: only one in a cluster is planned`);
  const secretName = apiKeySecretName(service);
  if (!secretName.ok) return secretName;
  const settings = settingsHash(service, model, draft);
  const template = podTemplate(service, model, {
    uid,
    needBytes: estimate.totalBytes,
    port,
    settings,
    apiKeySecret: secretName.value.name,
  });
  if (!template.ok) return template;
  return ok({
    deployment: deployment(service, uid, template.value, estimateAnnotations(settings, estimate)),
    service: clusterService(service, uid),
    podDisruptionBudget: disruptionBudget(service, uid),
    secret: secretName.value.isNamed ? undefined : secret(service, uid, input.apiKey),
    settings,
  });
}

function deployment(
  service: InferenceService,
  uid: string,
  template: object,
  annotations: Readonly<Record<string, string>>,
): KubeObject {
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { ...ownMeta(service, uid, childNames(service).deployment), annotations },
    spec: {
      replicas: wantedReplicas(service),
      revisionHistoryLimit: service.spec.revisionHistoryLimit ?? REVISIONS,
      progressDeadlineSeconds: PROGRESS_SECONDS,
      selector: { matchLabels: selectorLabels(service) },
      // A model never needs twice its memory to be updated.
      strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: 0, maxUnavailable: 1 } },
      template,
    },
  };
}

function clusterService(service: InferenceService, uid: string): KubeObject {
  const { port = DEFAULT_PORT, type = "ClusterIP", nodePort } = service.spec.endpoint ?? {};
  const hasNodePort = nodePort !== undefined && type !== "ClusterIP";
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: ownMeta(service, uid, childNames(service).service),
    spec: {
      type,
      selector: selectorLabels(service),
      ports: [{ name: PORT_NAME, port, targetPort: PORT_NAME, protocol: "TCP", ...(hasNodePort && { nodePort }) }],
    },
  };
}

/** One replica at a time may be drained; none of a service that is always protected. */
function disruptionBudget(service: InferenceService, uid: string): KubeObject | undefined {
  const isProtected = service.spec.disruption?.protectAlways === true;
  if (service.spec.replicas < 2 && !isProtected) return undefined;
  return {
    apiVersion: "policy/v1",
    kind: "PodDisruptionBudget",
    metadata: ownMeta(service, uid, childNames(service).podDisruptionBudget),
    spec: {
      maxUnavailable: isProtected ? 0 : 1,
      selector: { matchLabels: selectorLabels(service) },
      // What does not serve may always go: else a replica that cannot start would hold up a drain for ever.
      unhealthyPodEvictionPolicy: "AlwaysAllow",
    },
  };
}

function apiKeySecretName(service: InferenceService): Result<{ readonly name: string; readonly isNamed: boolean }> {
  const named = service.metadata.annotations?.[SERVICE_ANNOTATIONS.apiKeySecret];
  if (named === undefined) return ok({ name: childNames(service).apiKeySecret, isNamed: false });
  if (metadataSchema.shape.name.safeParse(named).success) return ok({ name: named, isNamed: true });
  const { namespace, name } = service.metadata;
  return fail(
    `InferenceService ${namespace}/${name}: the annotation ${SERVICE_ANNOTATIONS.apiKeySecret} must be the name of a Secret of the same namespace`,
  );
}

function secret(service: InferenceService, uid: string, apiKey: string): KubeObject {
  return {
    apiVersion: "v1",
    kind: "Secret",
    type: "Opaque",
    metadata: ownMeta(service, uid, childNames(service).apiKeySecret),
    data: { [API_KEY]: Buffer.from(`${apiKey}\n`).toString("base64") },
  };
}
