import { CONTROLLER_PORT } from "../api/fleet.ts";
import type { ManifestObject } from "./manifest-object.ts";
import { CONTROLLER, OWN_LABELS } from "./names.ts";

/** The user `node` of the official Node.js images. */
const NODE_USER = 1000;
const LABELS = { ...OWN_LABELS, "app.kubernetes.io/component": "controller" } as const;

/** The Deployment of the controller itself: on Linux nodes, as a user without rights, on a file system that it cannot write to. */
export function controllerDeployment(options: {
  readonly namespace: string;
  readonly image: string;
  readonly replicas: number;
}): ManifestObject {
  const { namespace, image, replicas } = options;
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: CONTROLLER, namespace, labels: LABELS },
    spec: {
      replicas,
      selector: { matchLabels: LABELS },
      template: {
        metadata: { labels: LABELS },
        spec: {
          serviceAccountName: CONTROLLER,
          nodeSelector: { "kubernetes.io/os": "linux" },
          securityContext: {
            runAsNonRoot: true,
            runAsUser: NODE_USER,
            runAsGroup: NODE_USER,
            fsGroup: NODE_USER,
            seccompProfile: { type: "RuntimeDefault" },
          },
          terminationGracePeriodSeconds: 30,
          containers: [container(image)],
          volumes: [{ name: "tmp", emptyDir: { sizeLimit: "256Mi" } }],
        },
      },
    },
  };
}

function container(image: string): object {
  const ask = (path: string) => ({ httpGet: { path, port: "http" }, timeoutSeconds: 5 });
  return {
    name: "controller",
    image,
    args: ["controller", "--listen", `0.0.0.0:${CONTROLLER_PORT}`],
    env: [
      { name: "POD_NAME", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } },
      { name: "POD_NAMESPACE", valueFrom: { fieldRef: { fieldPath: "metadata.namespace" } } },
      // Headers of models are kept there.
      { name: "XDG_CACHE_HOME", value: "/tmp" },
    ],
    ports: [{ name: "http", containerPort: CONTROLLER_PORT }],
    livenessProbe: { ...ask("/healthz"), initialDelaySeconds: 10, periodSeconds: 20, failureThreshold: 3 },
    readinessProbe: { ...ask("/readyz"), periodSeconds: 10 },
    resources: { requests: { cpu: "50m", memory: "192Mi" }, limits: { memory: "1Gi" } },
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ["ALL"] },
    },
    volumeMounts: [{ name: "tmp", mountPath: "/tmp" }],
  };
}
