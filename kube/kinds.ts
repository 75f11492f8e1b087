/** A kind of objects, and where the API server keeps them. */
export interface ResourceKind {
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  /** The name in paths: `pods`. */
  readonly plural: string;
  readonly namespaced: boolean;
}

function core(kind: string, plural: string, scope: Scope = "namespaced"): ResourceKind {
  return resource("", "v1", kind, plural, scope);
}

type Scope = "namespaced" | "cluster";

/** Makes a kind that is not in {@link KINDS}. */
export function resource(
  group: string,
  version: string,
  kind: string,
  plural: string,
  scope: Scope = "namespaced",
): ResourceKind {
  return { group, version, kind, plural, namespaced: scope === "namespaced" };
}

const LLMKUBE = "inference.llmkube.dev";

export const KINDS = {
  configMap: core("ConfigMap", "configmaps"),
  endpointSlice: resource("discovery.k8s.io", "v1", "EndpointSlice", "endpointslices"),
  event: resource("events.k8s.io", "v1", "Event", "events"),
  namespace: core("Namespace", "namespaces", "cluster"),
  node: core("Node", "nodes", "cluster"),
  pod: core("Pod", "pods"),
  secret: core("Secret", "secrets"),
  service: core("Service", "services"),
  serviceAccount: core("ServiceAccount", "serviceaccounts"),
  deployment: resource("apps", "v1", "Deployment", "deployments"),
  replicaSet: resource("apps", "v1", "ReplicaSet", "replicasets"),
  daemonSet: resource("apps", "v1", "DaemonSet", "daemonsets"),
  lease: resource("coordination.k8s.io", "v1", "Lease", "leases"),
  podDisruptionBudget: resource("policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets"),
  priorityClass: resource("scheduling.k8s.io", "v1", "PriorityClass", "priorityclasses", "cluster"),
  certificateSigningRequest: resource(
    "certificates.k8s.io",
    "v1",
    "CertificateSigningRequest",
    "certificatesigningrequests",
    "cluster",
  ),
  tokenReview: resource("authentication.k8s.io", "v1", "TokenReview", "tokenreviews", "cluster"),
  subjectAccessReview: resource("authorization.k8s.io", "v1", "SubjectAccessReview", "subjectaccessreviews", "cluster"),
  customResourceDefinition: resource(
    "apiextensions.k8s.io",
    "v1",
    "CustomResourceDefinition",
    "customresourcedefinitions",
    "cluster",
  ),
  model: resource(LLMKUBE, "v1alpha1", "Model", "models"),
  inferenceService: resource(LLMKUBE, "v1alpha1", "InferenceService", "inferenceservices"),
} as const satisfies Record<string, ResourceKind>;
