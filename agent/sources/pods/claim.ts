import { API_KEY, API_KEY_VARIABLE, CONTAINER_NAME, POD_ANNOTATIONS } from "../../../api/fleet.ts";
import { DEFAULT_GRACE_PERIOD_MS } from "../../workload/workload.ts";
import { graceMs, type Pod } from "./pod.ts";

/** All that is taken from a pod. Everything else comes from its InferenceService and Models. */
export interface PodClaim {
  readonly namespace: string;
  /** Name of its InferenceService. */
  readonly service: string;
  readonly serviceUid: string;
  /** `settingsHash` of the manifests that it was made for. */
  readonly settings: string;
  readonly port: number;
  readonly gracePeriodMs: number;
  readonly priority: number;
  readonly secret: { readonly name: string; readonly key: string };
}

/** Why a pod does not run here. Its phase stays Pending: one that failed would be replaced by another one, over and over. */
export interface PodRefusal {
  readonly reason: string;
  readonly message: string;
}

export type ClaimReading =
  | { readonly is: "claim"; readonly claim: PodClaim }
  | ({ readonly is: "refused" } & PodRefusal);

const LOWEST_PORT = 1024;
const HIGHEST_PORT = 65_535;

/** What a pod's spec may hold beside what is read; anything else that is not empty asks for what no agent gives. */
const SPEC_FIELDS: ReadonlySet<string> = new Set([
  ...["containers", "nodeName", "hostNetwork", "restartPolicy", "terminationGracePeriodSeconds"],
  ...["priority", "priorityClassName", "preemptionPolicy", "schedulerName"],
  ...["nodeSelector", "affinity", "tolerations", "topologySpreadConstraints"],
  ...["serviceAccountName", "serviceAccount", "automountServiceAccountToken", "enableServiceLinks"],
  // The account of the namespace may add some; nothing is pulled.
  ...["imagePullSecrets", "dnsPolicy"],
  // `kubectl debug` adds one to a pod that runs, and takes it away never. None is run, and none ends the server.
  "ephemeralContainers",
]);

const CONTAINER_FIELDS: ReadonlySet<string> = new Set([
  ...["name", "image", "imagePullPolicy", "ports", "env", "resources"],
  ...["terminationMessagePath", "terminationMessagePolicy"],
]);

/**
 * Reads what a pod asks for, and refuses whatever the controller's pods do not ask for: nothing in a pod decides which program runs, or
 * with what.
 */
export function readClaim(pod: Pod, nodeName: string): ClaimReading {
  const { metadata, spec } = pod;
  if (spec.nodeName !== nodeName) return refused("NotOfThisNode", `it is bound to the node ${spec.nodeName ?? "none"}`);
  const annotations = metadata.annotations ?? {};
  const service = annotations[POD_ANNOTATIONS.service];
  const serviceUid = annotations[POD_ANNOTATIONS.serviceUid];
  const settings = annotations[POD_ANNOTATIONS.settings];
  if (service === undefined || serviceUid === undefined || settings === undefined) {
    return refused(
      "NotAModel",
      "this node is a Mac, which runs only the pods of InferenceServices: give the pod's owner the node affinity kubernetes.io/os NotIn [darwin]",
    );
  }
  const owner = metadata.ownerReferences?.find(({ controller }) => controller === true);
  if (owner?.kind !== "ReplicaSet" || !owner.apiVersion.startsWith("apps/")) {
    return refused("ForeignOwner", "no ReplicaSet controls it: the controller of pulumi-llmkube makes Deployments");
  }
  const asked = surplus(pod);
  if (asked !== undefined) return refused("AsksForMore", `${asked}: a pod decides nothing about the server that runs`);
  const [container] = spec.containers;
  const port = container?.ports?.length === 1 ? container.ports[0]?.hostPort : undefined;
  if (port === undefined || port < LOWEST_PORT || port > HIGHEST_PORT) {
    return refused("InvalidPort", `it must have one port, with a hostPort from ${LOWEST_PORT} to ${HIGHEST_PORT}`);
  }
  const secret = container?.env?.length === 1 ? container.env[0]?.valueFrom?.secretKeyRef : undefined;
  if (secret?.name === undefined || secret.name === "" || secret.key !== API_KEY) {
    const message = `its one environment variable must be ${API_KEY_VARIABLE}, from the key ${API_KEY} of a Secret`;
    return refused("NoApiKey", message);
  }
  const seconds = spec.terminationGracePeriodSeconds;
  return {
    is: "claim",
    claim: {
      ...{ namespace: metadata.namespace, service, serviceUid, settings, port },
      gracePeriodMs: seconds === undefined ? DEFAULT_GRACE_PERIOD_MS : graceMs(seconds),
      priority: spec.priority ?? 0,
      secret: { name: secret.name, key: secret.key },
    },
  };
}

function refused(reason: string, message: string): ClaimReading {
  return { is: "refused", reason, message };
}

/** What it asks for that no pod of ours does, as a clause; undefined: nothing. */
function surplus({ spec }: Pod): string | undefined {
  if (spec.containers.length !== 1) return `it has ${spec.containers.length} containers`;
  if (spec.restartPolicy !== undefined && spec.restartPolicy !== "Always") {
    return `spec.restartPolicy is ${spec.restartPolicy}`;
  }
  if (spec.hostNetwork !== true) return "spec.hostNetwork is not true";
  const inSpec = Object.keys(spec).find((field) => !SPEC_FIELDS.has(field) && !isEmpty(spec[field]));
  if (inSpec !== undefined) return `spec.${inSpec} is set`;
  const [container] = spec.containers;
  if (container === undefined || container.name !== CONTAINER_NAME) return `its container is not ${CONTAINER_NAME}`;
  const inContainer = Object.keys(container).find(
    (field) => !CONTAINER_FIELDS.has(field) && !isEmpty(container[field]),
  );
  if (inContainer !== undefined) return `its container sets ${inContainer}`;
  const extra = container.env?.find(({ name }) => name !== API_KEY_VARIABLE);
  if (extra !== undefined) return `its container sets the environment variable ${extra.name}`;
  return undefined;
}

/** What the API server writes for a field that nobody set. */
function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null || value === false) return true;
  return typeof value === "object" && Object.keys(value).length === 0;
}
