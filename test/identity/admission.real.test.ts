import assert from "node:assert/strict";
import {
  MAC_OS_LABEL_VALUE,
  MANAGED_BY,
  NODE_LABELS,
  POD_ANNOTATIONS,
  SERVICE_LABEL,
  SYSTEM_NAMESPACE,
} from "../../api/fleet.ts";
import { CONTROLLER } from "../../cluster/index.ts";
import type { KubeClient, KubeObject } from "../../kube/client.ts";
import { KINDS, resource } from "../../kube/kinds.ts";
import { type Cluster, CONTROL_PLANE_TIMEOUT_MS, startCluster } from "../support/cluster/cluster.ts";
import { untilTrue } from "../support/cluster/until.ts";
import { type Ask, accessOf, macNode, mustBeForbidden, mustSucceed, pod } from "./support.ts";

const NAMESPACE = "default";
const CLAIMS = {
  [POD_ANNOTATIONS.service]: "chat",
  [POD_ANNOTATIONS.serviceUid]: "0d3c",
  [POD_ANNOTATIONS.settings]: "5e77",
};
const LABELS = { [SERVICE_LABEL]: "chat" };
const MANAGED = { "app.kubernetes.io/managed-by": MANAGED_BY };
const statefulSet = resource("apps", "v1", "StatefulSet", "statefulsets");
const merge = { type: "merge" } as const;

interface Template {
  readonly claims?: object;
  readonly labels?: object;
  readonly spec?: object;
}

/** A Deployment, or another kind with a template; by default one that claims nothing. */
function workload(
  kind: string,
  name: string,
  { claims = {}, labels = { app: name }, spec = {} }: Template = {},
): KubeObject {
  return {
    apiVersion: "apps/v1",
    kind,
    metadata: { name, namespace: NAMESPACE },
    spec: {
      ...(kind === "StatefulSet" && { serviceName: name }),
      selector: { matchLabels: labels },
      template: { metadata: { labels, annotations: claims }, spec: podSpec(spec) },
    },
  };
}

function podSpec(more: object): object {
  return {
    automountServiceAccountToken: false,
    containers: [{ name: "llama-server", image: "weights:held" }],
    ...more,
  };
}

/** What the controller makes. */
function modelDeployment(name: string, spec: object = {}): KubeObject {
  const template = {
    claims: CLAIMS,
    labels: LABELS,
    spec: { nodeSelector: { [NODE_LABELS.os]: MAC_OS_LABEL_VALUE }, ...spec },
  };
  const object = workload("Deployment", name, template);
  const strategy = { type: "RollingUpdate", rollingUpdate: { maxSurge: 0, maxUnavailable: 1 } };
  return {
    ...object,
    metadata: { ...object.metadata, labels: MANAGED },
    spec: { ...(object["spec"] as object), strategy },
  };
}

function claiming(
  object: KubeObject,
  { annotations = {}, labels = {} }: { annotations?: object; labels?: object },
): KubeObject {
  return { ...object, metadata: { ...object.metadata, ...({ annotations, labels } as object) } };
}

const forged = pod("forged");
const ownedByReplicaSet = {
  ownerReferences: [{ apiVersion: "apps/v1", kind: "ReplicaSet", name: "chat-1", uid: "0d3c", controller: true }],
};

/** By an administrator of the cluster, who may do everything else. */
const REFUSED: readonly (readonly [what: string, ask: Ask])[] = [
  ...Object.keys(CLAIMS).map(
    (key) =>
      [
        `a pod with ${key}`,
        (admin: KubeClient) => admin.create(KINDS.pod, claiming(forged, { annotations: { [key]: "x" } })),
      ] as const,
  ),
  ["a pod with the label of a service", (admin) => admin.create(KINDS.pod, claiming(forged, { labels: LABELS }))],
  [
    "a pod with a forged owner",
    (admin) =>
      admin.create(KINDS.pod, {
        ...forged,
        metadata: { ...forged.metadata, annotations: CLAIMS, ...ownedByReplicaSet },
      }),
  ],
  [
    "an annotation on a pod that is there",
    (admin) => admin.patch(KINDS.pod, ref("plain"), { metadata: { annotations: CLAIMS } }, merge),
  ],
  [
    "the label on a pod that is there",
    (admin) => admin.patch(KINDS.pod, ref("plain"), { metadata: { labels: LABELS } }, merge),
  ],
  [
    "a Deployment with such a template",
    (admin) => admin.create(KINDS.deployment, workload("Deployment", "f", { claims: CLAIMS })),
  ],
  [
    "a Deployment with the label of the controller",
    (admin) => admin.create(KINDS.deployment, claiming(workload("Deployment", "f"), { labels: MANAGED })),
  ],
  [
    "a ReplicaSet with such a template",
    (admin) => admin.create(KINDS.replicaSet, workload("ReplicaSet", "f", { claims: CLAIMS })),
  ],
  [
    "a Deployment that becomes such a one",
    (admin) =>
      admin.patch(KINDS.deployment, ref("plain"), { spec: { template: { metadata: { annotations: CLAIMS } } } }, merge),
  ],
  [
    "another command in a model's Deployment",
    (admin) =>
      admin.patch(
        KINDS.deployment,
        ref("chat"),
        { spec: { template: { spec: { containers: [{ name: "llama-server", command: ["/bin/sh"] }] } } } },
        { type: "strategic" },
      ),
  ],
  [
    "another settings hash in a model's Deployment",
    (admin) =>
      admin.patch(
        KINDS.deployment,
        ref("chat"),
        { spec: { template: { metadata: { annotations: { [POD_ANNOTATIONS.settings]: "x" } } } } },
        merge,
      ),
  ],
  [
    "taking the controller's label off",
    (admin) =>
      admin.patch(
        KINDS.deployment,
        ref("chat"),
        { metadata: { labels: { "app.kubernetes.io/managed-by": null } } },
        merge,
      ),
  ],
];

const ALLOWED: readonly (readonly [what: string, ask: Ask])[] = [
  ["a pod that claims nothing", (admin) => admin.create(KINDS.pod, pod("other"))],
  ["a Deployment that claims nothing", (admin) => admin.create(KINDS.deployment, workload("Deployment", "other"))],
  [
    "kubectl rollout restart of a model",
    (admin) =>
      admin.patch(
        KINDS.deployment,
        ref("chat"),
        { spec: { template: { metadata: { annotations: { "kubectl.kubernetes.io/restartedAt": "now" } } } } },
        merge,
      ),
  ],
  [
    "a label on a model's pod",
    async (admin) => {
      const pods = mustSucceed(
        await admin.list(KINDS.pod, { namespace: NAMESPACE, labelSelector: `${SERVICE_LABEL}=chat` }),
      );
      const name = pods.items[0]?.metadata.name ?? "";
      return admin.patch(KINDS.pod, ref(name), { metadata: { labels: { team: "a" } } }, merge);
    },
  ],
];

/** By the controller itself: who has its token cannot run anything but models' pods on Macs. */
const REFUSED_TO_CONTROLLER: readonly (readonly [what: string, deployment: KubeObject])[] = [
  ["a Deployment that is no model's", workload("Deployment", "x")],
  ["one for other nodes", modelDeployment("x", { nodeSelector: { [NODE_LABELS.os]: "linux" } })],
  ["one for any node", modelDeployment("x", { nodeSelector: {} })],
  ["one with a volume", modelDeployment("x", { volumes: [{ name: "v", hostPath: { path: "/" } }] })],
  ["one with a ServiceAccount's token", modelDeployment("x", { automountServiceAccountToken: true })],
];

function ref(name: string) {
  return { namespace: NAMESPACE, name };
}

describe("who may make a model's pod, on a real control plane", function () {
  this.timeout(60_000);
  let cluster: Cluster;
  const clients: KubeClient[] = [];
  let admin: KubeClient;
  let controller: KubeClient;
  let mac: KubeClient;

  const podsOf = async (selector: string) =>
    mustSucceed(await admin.list(KINDS.pod, { namespace: NAMESPACE, labelSelector: selector })).items;

  before(async function () {
    this.timeout(CONTROL_PLANE_TIMEOUT_MS);
    cluster = await startCluster({ crds: false });
    await cluster.installFleet();
    const files = [
      cluster.kubeconfigPath,
      await cluster.asServiceAccount(SYSTEM_NAMESPACE, CONTROLLER),
      await cluster.asMac("mac-1"),
    ];
    for (const file of files) clients.push((await accessOf(file)).client());
    [admin, controller, mac] = clients as [KubeClient, KubeClient, KubeClient];
    mustSucceed(await admin.create(KINDS.pod, pod("plain")));
    mustSucceed(await admin.create(KINDS.deployment, workload("Deployment", "plain")));
    // A new policy is in force after a moment.
    await untilTrue(
      "the policies are in force",
      () => admin.create(KINDS.pod, claiming(pod("probe"), { labels: LABELS })),
      ({ ok }) => !ok,
    );
  });
  after(async () => {
    await Promise.all(clients.map((client) => client.close()));
    await cluster?.stop();
  });

  it("lets the controller's Deployment become pods, by Kubernetes' own controllers", async () => {
    mustSucceed(await controller.create(KINDS.deployment, modelDeployment("chat")));
    const pods = await untilTrue(
      "there is a pod",
      () => podsOf(`${SERVICE_LABEL}=chat`),
      ({ length }) => length === 1,
    );
    assert.equal(pods[0]?.metadata.annotations?.[POD_ANNOTATIONS.serviceUid], "0d3c");
  });

  for (const [what, ask] of REFUSED) {
    it(`refuses an administrator ${what}`, async () => {
      mustBeForbidden(await ask(admin), /ValidatingAdmissionPolicy 'pulumi-llmkube-(pods|workloads)'/);
    });
  }

  for (const [what, ask] of ALLOWED) {
    it(`allows ${what}`, async () => {
      mustSucceed(await ask(admin));
    });
  }

  it("scales a model, rolls it out and deletes it", async () => {
    await cluster.kubectl(["scale", "deployment/chat", "--replicas=2"]);
    await untilTrue(
      "there are two pods",
      () => podsOf(`${SERVICE_LABEL}=chat`),
      ({ length }) => length === 2,
    );
    const next = modelDeployment("chat", { priorityClassName: "llmkube-high" });
    mustSucceed(await controller.apply(KINDS.deployment, next, { fieldManager: "pulumi-llmkube-controller" }));
    await untilTrue(
      "a pod is of the new template",
      () => podsOf(`${SERVICE_LABEL}=chat`),
      (pods) => pods.some(({ spec }) => (spec as { priorityClassName?: string }).priorityClassName === "llmkube-high"),
    );
    mustSucceed(await controller.delete(KINDS.deployment, ref("chat")));
    await cluster.kubectl(["delete", "pods", "-l", `${SERVICE_LABEL}=chat`, "--force", "--grace-period=0"]);
    await untilTrue(
      "nothing is left",
      () => podsOf(`${SERVICE_LABEL}=chat`),
      ({ length }) => length === 0,
    );
  });

  for (const [what, deployment] of REFUSED_TO_CONTROLLER) {
    it(`refuses the controller ${what}`, async () => {
      mustBeForbidden(await controller.create(KINDS.deployment, deployment), /for Macs only/);
    });
  }

  for (const kind of ["DaemonSet", "StatefulSet"] as const) {
    it(`refuses the pods of a ${kind} that claims to be a model`, async () => {
      mustSucceed(
        await mac
          .get(KINDS.node, { name: "mac-1" })
          .then((got) => (got.ok ? got : mac.create(KINDS.node, macNode("mac-1")))),
      );
      const name = `forged-${kind.toLowerCase()}`;
      const forgery = workload(kind, name, { claims: CLAIMS, spec: { tolerations: [{ operator: "Exists" }] } });
      mustSucceed(await admin.create(kind === "DaemonSet" ? KINDS.daemonSet : statefulSet, forgery));
      await untilTrue(
        "its controller is refused",
        async () =>
          mustSucceed(await admin.list(KINDS.event, { namespace: NAMESPACE, fieldSelector: `regarding.name=${name}` }))
            .items,
        (events) =>
          events.some(({ reason, note }) => reason === "FailedCreate" && String(note).includes("ReplicaSet only")),
      );
      assert.deepEqual(await podsOf(`app=${name}`), []);
    });
  }

  it("refuses a Mac a mirror pod that claims to be a model", async () => {
    const mirror = { ...CLAIMS, "kubernetes.io/config.mirror": "x" };
    const owner = mustSucceed(await mac.get(KINDS.node, { name: "mac-1" })).metadata.uid;
    const reference = { apiVersion: "v1", kind: "Node", name: "mac-1", uid: owner, controller: true };
    const base = pod("mirror", { nodeName: "mac-1" });
    const of = (annotations: object) =>
      ({ ...base, metadata: { ...base.metadata, annotations, ownerReferences: [reference] } }) as KubeObject;
    mustBeForbidden(await mac.create(KINDS.pod, of(mirror)), /pulumi-llmkube-pods/);
    mustSucceed(await mac.create(KINDS.pod, of({ "kubernetes.io/config.mirror": "x" })));
  });
});
