import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { MAC_TAINT, nodeAccount, nodeUser, SYSTEM_NAMESPACE } from "../../api/fleet.ts";
import { controllerManifests } from "../../cluster/index.ts";
import type { KubeClient } from "../../kube/client.ts";
import { KINDS, resource } from "../../kube/kinds.ts";
import { type Cluster, CONTROL_PLANE_TIMEOUT_MS, startCluster } from "../support/cluster/cluster.ts";
import { untilTrue } from "../support/cluster/until.ts";
import { type Ask, accessOf, lease, macNode, mustBeForbidden, mustSucceed, pod } from "./support.ts";

const NAMESPACE = "default";
const LEASES = "kube-node-lease";
const merge = { type: "merge" } as const;
const condition = { status: { conditions: [{ type: "Ready", status: "True", reason: "Test", message: "" }] } };
const clusterRoleBinding = resource(
  "rbac.authorization.k8s.io",
  "v1",
  "ClusterRoleBinding",
  "clusterrolebindings",
  "cluster",
);

/** What the agent of mac-1 needs, and so may do. In this order: later ones need what earlier ones made. */
const ALLOWED: readonly (readonly [what: string, ask: Ask])[] = [
  ["create its Node, with labels and taint", (mac) => mac.create(KINDS.node, macNode("mac-1"))],
  [
    "write labels of its own on its Node",
    (mac) => mac.patch(KINDS.node, { name: "mac-1" }, { metadata: { labels: { "llmkube.dev/chip": "m4" } } }, merge),
  ],
  [
    "write the status of its Node",
    (mac) => mac.patch(KINDS.node, { name: "mac-1" }, condition, { type: "strategic", subresource: "status" }),
  ],
  ["create its Lease", (mac) => mac.create(KINDS.lease, lease("mac-1"))],
  [
    "renew its Lease",
    (mac) =>
      mac.patch(KINDS.lease, { namespace: LEASES, name: "mac-1" }, { spec: { leaseDurationSeconds: 41 } }, merge),
  ],
  ["list its pods", (mac) => mac.list(KINDS.pod, { fieldSelector: "spec.nodeName=mac-1" })],
  [
    "write the status of its pod",
    (mac) => mac.patch(KINDS.pod, own, condition, { type: "strategic", subresource: "status" }),
  ],
  ["read the Secret of its pod", (mac) => mac.get(KINDS.secret, { namespace: NAMESPACE, name: "of-mac-1" })],
  ["list Models", (mac) => mac.list(KINDS.model, {})],
  ["list one InferenceService by name", (mac) => mac.list(KINDS.inferenceService, named)],
  ["write an event", (mac) => mac.create(KINDS.event, event())],
  ["ask whose token this is", (mac) => mac.post(KINDS.tokenReview, undefined, undefined, tokenReview)],
  ["ask who may", (mac) => mac.post(KINDS.subjectAccessReview, undefined, undefined, accessReview)],
  ["finish a deletion of its pod", (mac) => mac.delete(KINDS.pod, own, { gracePeriodSeconds: 0 })],
];
const own = { namespace: NAMESPACE, name: "of-mac-1" };
const other = { namespace: NAMESPACE, name: "of-mac-2" };
const named = { namespace: NAMESPACE, fieldSelector: "metadata.name=chat" };
const tokenReview = { apiVersion: "authentication.k8s.io/v1", kind: "TokenReview", spec: { token: "x" } };
const accessReview = {
  apiVersion: "authorization.k8s.io/v1",
  kind: "SubjectAccessReview",
  spec: { user: "jane", resourceAttributes: { verb: "get", resource: "nodes", subresource: "proxy" } },
};
const tokenRequest = { apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", spec: {} };

function event() {
  return {
    apiVersion: "events.k8s.io/v1",
    kind: "Event",
    metadata: { name: "mac-1.test", namespace: NAMESPACE },
    eventTime: "2026-11-26T12:00:00.000000Z",
    reportingController: "llmkube.dev/agent",
    reportingInstance: "mac-1",
    action: "Test",
    reason: "Test",
    type: "Normal",
    regarding: { kind: "Node", name: "mac-1", apiVersion: "v1" },
  };
}

/** What whoever holds the Mac might try, and may not. */
const REFUSED: readonly (readonly [what: string, ask: Ask])[] = [
  ["create another Mac's Node", (mac) => mac.create(KINDS.node, macNode("mac-3"))],
  [
    "write labels on another Mac's Node",
    (mac) => mac.patch(KINDS.node, { name: "mac-2" }, { metadata: { labels: { a: "b" } } }, merge),
  ],
  [
    "write the status of another Mac's Node",
    (mac) => mac.patch(KINDS.node, { name: "mac-2" }, condition, { type: "strategic", subresource: "status" }),
  ],
  ["delete another Mac's Node", (mac) => mac.delete(KINDS.node, { name: "mac-2" })],
  ["create another Mac's Lease", (mac) => mac.create(KINDS.lease, lease("mac-3"))],
  [
    "renew another Mac's Lease",
    (mac) => mac.patch(KINDS.lease, { namespace: LEASES, name: "mac-2" }, { spec: { leaseDurationSeconds: 9 } }, merge),
  ],
  [
    "take the controller's Lease",
    (mac) => mac.create(KINDS.lease, { ...lease("x"), metadata: { name: "x", namespace: SYSTEM_NAMESPACE } }),
  ],
  [
    "give its Node a label of node-restriction.kubernetes.io",
    (mac) =>
      mac.patch(
        KINDS.node,
        { name: "mac-1" },
        { metadata: { labels: { "node-restriction.kubernetes.io/trusted": "true" } } },
        merge,
      ),
  ],
  [
    "take the taint off its Node",
    (mac) => mac.patch(KINDS.node, { name: "mac-1" }, { spec: { taints: [{ ...MAC_TAINT, value: "no" }] } }, merge),
  ],
  ["list all pods", (mac) => mac.list(KINDS.pod, {})],
  ["list another Mac's pods", (mac) => mac.list(KINDS.pod, { fieldSelector: "spec.nodeName=mac-2" })],
  [
    "write the status of another Mac's pod",
    (mac) => mac.patch(KINDS.pod, other, condition, { type: "strategic", subresource: "status" }),
  ],
  ["delete another Mac's pod", (mac) => mac.delete(KINDS.pod, other, { gracePeriodSeconds: 0 })],
  ["create a pod", (mac) => mac.create(KINDS.pod, pod("made", { nodeName: "mac-1" }))],
  ["read the Secret of another Mac's pod", (mac) => mac.get(KINDS.secret, other)],
  ["read a Secret that no pod refers to", (mac) => mac.get(KINDS.secret, { namespace: NAMESPACE, name: "nobodys" })],
  ["list the Secrets of a namespace", (mac) => mac.list(KINDS.secret, { namespace: NAMESPACE })],
  ["list all Secrets", (mac) => mac.list(KINDS.secret, {})],
  ["create a Secret", (mac) => mac.create(KINDS.secret, { metadata: { name: "made", namespace: NAMESPACE } })],
  ["create a Model", (mac) => mac.create(KINDS.model, { ...model(), metadata: { name: "m", namespace: NAMESPACE } })],
  ["change a Model", (mac) => mac.patch(KINDS.model, { namespace: NAMESPACE, name: "chat" }, { spec: {} }, merge)],
  [
    "write the status of an InferenceService",
    (mac) =>
      mac.patch(
        KINDS.inferenceService,
        { namespace: NAMESPACE, name: "chat" },
        { status: { phase: "Ready" } },
        { ...merge, subresource: "status" },
      ),
  ],
  ["list Deployments", (mac) => mac.list(KINDS.deployment, {})],
  [
    "make itself an administrator",
    (mac) =>
      mac.create(clusterRoleBinding, {
        metadata: { name: "mac-1-admin" },
        roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "cluster-admin" },
        subjects: [{ apiGroup: "rbac.authorization.k8s.io", kind: "User", name: nodeUser("mac-1") }],
      }),
  ],
  [
    "get a token of another Mac's account",
    (mac) => mac.post(KINDS.serviceAccount, accountOf("mac-2"), "token", tokenRequest),
  ],
];

/** What the ServiceAccount might try without being its Node. */
const REFUSED_AS_ITSELF: readonly (readonly [what: string, ask: Ask])[] = [
  ["read its Node", (account) => account.get(KINDS.node, { name: "mac-1" })],
  ["list pods", (account) => account.list(KINDS.pod, {})],
  ["list Models", (account) => account.list(KINDS.model, {})],
  ["list Secrets", (account) => account.list(KINDS.secret, { namespace: SYSTEM_NAMESPACE })],
  ["read its own account", (account) => account.get(KINDS.serviceAccount, accountOf("mac-1"))],
  [
    "get a token of another Mac's account",
    (account) => account.post(KINDS.serviceAccount, accountOf("mac-2"), "token", tokenRequest),
  ],
  ["create a pod", (account) => account.create(KINDS.pod, pod("made"))],
];

function accountOf(nodeName: string) {
  return { namespace: SYSTEM_NAMESPACE, name: nodeAccount(nodeName) };
}

function model() {
  return {
    apiVersion: "inference.llmkube.dev/v1alpha1",
    kind: "Model",
    metadata: { name: "chat", namespace: NAMESPACE },
    spec: { source: "/models/chat.gguf" },
  };
}

describe("the identity of a Mac, on a real API server", function () {
  this.timeout(60_000);
  let cluster: Cluster;
  let kubeconfig: string;
  let mac: KubeClient;
  let itself: KubeClient;
  const clients: KubeClient[] = [];

  before(async function () {
    this.timeout(CONTROL_PLANE_TIMEOUT_MS);
    cluster = await startCluster();
    await cluster.kubectl(["apply", "--server-side", "-f", "-"], { input: controllerManifests({ crds: false }) });
    kubeconfig = await cluster.asMac("mac-1");
    const [access, second] = [await accessOf(kubeconfig), await accessOf(await cluster.asMac("mac-2"))];
    [mac, itself] = [access.client(), access.clientAsItself()];
    const two = second.client();
    clients.push(mac, itself, two);
    mustSucceed(await two.create(KINDS.node, macNode("mac-2")));
    mustSucceed(await two.create(KINDS.lease, lease("mac-2")));
    const secret = (name: string) => ({ apiVersion: "v1", kind: "Secret", metadata: { name, namespace: NAMESPACE } });
    const service = { ...model(), kind: "InferenceService", spec: { modelRef: "chat" } };
    const input = [secret("of-mac-1"), secret("of-mac-2"), secret("nobodys"), model(), service];
    const pods = ["mac-1", "mac-2"].map((nodeName) => pod(`of-${nodeName}`, { nodeName, secret: `of-${nodeName}` }));
    await cluster.kubectl(["create", "-f", "-"], { input: [...input, ...pods] });
    // The Node authorizer learns of pods by a watch.
    await untilTrue(
      "mac-1 may read the Secret of its pod",
      () => mac.get(KINDS.secret, own),
      ({ ok }) => ok,
    );
  });
  after(async () => {
    await Promise.all(clients.map((client) => client.close()));
    await cluster?.stop();
  });

  for (const [what, ask] of ALLOWED) {
    it(`may ${what}`, async () => {
      mustSucceed(await ask(mac));
    });
  }

  for (const [what, ask] of REFUSED) {
    it(`may not ${what}`, async () => {
      mustBeForbidden(await ask(mac));
    });
  }

  it("may ask, as its ServiceAccount, for its own next token", async () => {
    mustSucceed(await itself.post(KINDS.serviceAccount, accountOf("mac-1"), "token", tokenRequest));
  });

  for (const [what, ask] of REFUSED_AS_ITSELF) {
    it(`may not, as its ServiceAccount, ${what}`, async () => {
      mustBeForbidden(await ask(itself));
    });
  }

  const others: readonly (readonly [as: string, groups: readonly string[]])[] = [
    [nodeUser("mac-2"), ["system:nodes"]],
    ["admin", ["system:masters"]],
    [nodeUser("mac-1"), ["system:nodes", "system:masters"]],
    [`system:serviceaccount:${SYSTEM_NAMESPACE}:pulumi-llmkube-controller`, []],
  ];
  for (const [as, groups] of others) {
    it(`may not be ${as} in ${groups.join(" and ") || "no group"}`, async () => {
      const config = JSON.parse(await readFile(kubeconfig, "utf8"));
      Object.assign(config.users[0].user, { as, "as-groups": groups });
      const path = join(cluster.folder, `as-${others.findIndex(([one]) => one === as)}-${groups.length}.kubeconfig`);
      await writeFile(path, JSON.stringify(config));
      const client = (await accessOf(path)).client();
      clients.push(client);
      mustBeForbidden(await client.get(KINDS.node, { name: "mac-1" }), /impersonate/);
    });
  }

  it("loses every right as soon as its ServiceAccount is deleted", async () => {
    await cluster.kubectl(["delete", "serviceaccount", nodeAccount("mac-1"), "-n", SYSTEM_NAMESPACE]);
    const seen = await untilTrue(
      "the token is refused",
      () => mac.get(KINDS.node, { name: "mac-1" }),
      ({ ok }) => !ok,
    );
    if (seen.ok || seen.kind !== "unauthorized") throw new Error(JSON.stringify(seen));
  });
});
