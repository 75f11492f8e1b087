import assert from "node:assert/strict";
import { copyFile, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { KubeClient, KubeObject } from "../../kube/client.ts";
import { type Clock, systemClock } from "../../kube/clock.ts";
import { KINDS, resource } from "../../kube/kinds.ts";
import { leaderElection } from "../../kube/lease/leader-election.ts";
import { type KubeAccess, openKubeAccess } from "../../kube/open-client.ts";
import { type ReflectorOptions, reflector, wholeObject } from "../../kube/reflector/reflector.ts";
import { type Authority, makeAuthority } from "../support/cluster/certificates.ts";
import { type FaultProxy, startFaultProxy } from "../support/cluster/fault-proxy.ts";
import { CONTROL_PLANE_TIMEOUT_MS, type ControlPlane, startControlPlane } from "../support/control-plane.ts";
import { temporaryDirectory } from "../support/workspace.ts";
import { eventually, value } from "./support/results.ts";

const NAMESPACE = "default";
const SELF_REVIEW = resource("authentication.k8s.io", "v1", "SelfSubjectReview", "selfsubjectreviews", "cluster");
const GADGET = resource("test.llmkube.dev", "v1", "Gadget", "gadgets");

describe("kube: a real API server behind faults", function () {
  this.timeout(60_000);
  let plane: ControlPlane;
  let proxy: FaultProxy;
  let folder: string;
  /** Signs the certificates of clients. */
  let authority: Authority;
  /** Straight to the server. */
  let admin: KubeClient;
  const tokens = { controller: "token-of-the-controller", rotated: "token-that-comes-later" };
  let ended: AbortController;

  before(async function () {
    this.timeout(CONTROL_PLANE_TIMEOUT_MS);
    plane = await startControlPlane({
      users: { [tokens.controller]: "someone", [tokens.rotated]: "someone-later" },
      apiServerArguments: async (inFolder) => {
        authority = await makeAuthority(inFolder, "client-ca");
        return [`--client-ca-file=${authority.certFile}`];
      },
    });
    proxy = await startFaultProxy(plane.server);
    folder = await temporaryDirectory();
    admin = value(await openKubeAccess({ kubeconfig: plane.kubeconfigPath })).client();
  });
  beforeEach(() => {
    ended = new AbortController();
  });
  afterEach(async () => {
    ended.abort();
    await proxy.set("pass");
  });
  after(async () => {
    await admin?.close();
    await proxy?.close();
    await plane?.stop();
  });

  async function accessOf(user: object, clock: Clock = systemClock): Promise<KubeAccess> {
    const path = join(folder, `kubeconfig-${Math.random()}`);
    const cluster = { server: proxy.server, "certificate-authority": plane.caFile };
    const text = {
      clusters: [{ name: "c", cluster }],
      users: [{ name: "u", user }],
      contexts: [{ name: "x", context: { cluster: "c", user: "u" } }],
      "current-context": "x",
    };
    await writeFile(path, JSON.stringify(text), { mode: 0o600 });
    return value(await openKubeAccess({ kubeconfig: path, clock }));
  }

  const configMap = (name: string, label: string): KubeObject => ({
    metadata: { namespace: NAMESPACE, name, labels: { of: label } },
  });

  /** Follows the ConfigMaps of a label through the proxy. */
  async function following(label: string, more: Partial<ReflectorOptions<KubeObject>> = {}) {
    const client = (await accessOf({ token: plane.token })).client();
    const changes: string[] = [];
    const said: string[] = [];
    const maps = reflector({
      client,
      kind: KINDS.configMap,
      selection: { namespace: NAMESPACE, labelSelector: `of=${label}` },
      parse: wholeObject,
      changed: ({ type, key }) => changes.push(`${type} ${key.slice(NAMESPACE.length + 1)}`),
      report: (message) => said.push(message),
      ...more,
    });
    const run = maps.run(ended.signal).finally(() => client.close());
    return { maps, changes, said, run };
  }

  it("hears of what happened while its watch was cut and the server refused it", async () => {
    const { maps, changes, run } = await following("cut");
    assert(await maps.whenSynced(AbortSignal.timeout(10_000)));
    await proxy.set("refuse");
    value(await admin.create(KINDS.configMap, configMap("cut-1", "cut")));
    await proxy.set("pass");
    await eventually(() => assert.deepEqual(changes, ["added cut-1"]));
    assert.equal(maps.counts().lists, 1, "it went on from where it was");
    ended.abort();
    await run;
  });

  it("hears of what happened behind a connection that only seems to live", async () => {
    const { maps, changes, said, run } = await following("hole", { silenceMs: 2000 });
    assert(await maps.whenSynced(AbortSignal.timeout(10_000)));
    await proxy.set("black-hole");
    value(await admin.create(KINDS.configMap, configMap("hole-1", "hole")));
    await eventually(() => assert.match(said.join("\n"), /was silent for 2 s/));
    assert.deepEqual(changes, []);
    await proxy.set("pass");
    await eventually(() => assert.deepEqual(changes, ["added hole-1"]));
    ended.abort();
    await run;
  });

  it("lists again where the server no longer knows its place, and tells a deletion and an addition apart from an update", async () => {
    value(await admin.create(KINDS.configMap, configMap("gone-1", "gone")));
    value(await admin.create(KINDS.configMap, configMap("gone-2", "gone")));
    const { maps, changes, said, run } = await following("gone");
    assert(await maps.whenSynced(AbortSignal.timeout(10_000)));
    await proxy.set("refuse");
    const [one, two] = [configMap("gone-1", "gone"), configMap("gone-2", "gone")];
    value(await admin.delete(KINDS.configMap, { namespace: NAMESPACE, name: "gone-1" }));
    value(await admin.create(KINDS.configMap, one));
    value(await admin.delete(KINDS.configMap, { namespace: NAMESPACE, name: two.metadata.name }));
    // A server that starts anew knows nothing of the time before.
    await plane.apiServer.kill();
    await plane.apiServer.start();
    value(await admin.create(KINDS.configMap, configMap("gone-3", "gone")));
    changes.length = 0;
    await proxy.set("pass");
    await eventually(() => assert.equal(changes.length, 4), 40_000);
    assert.deepEqual(changes.toSorted(), ["added gone-1", "added gone-3", "deleted gone-1", "deleted gone-2"]);
    assert.match(said.join("\n"), /answered 410/);
    assert.equal(maps.counts().lists, 2);
    ended.abort();
    await run;
  });

  it("waits for a kind that does not exist yet, and follows it when it does", async () => {
    const client = (await accessOf({ token: plane.token })).client();
    const said: string[] = [];
    const gadgets = reflector({ client, kind: GADGET, parse: wholeObject, report: (message) => said.push(message) });
    const run = gadgets.run(ended.signal);
    await eventually(() => assert.match(said.join("\n"), /gadgets\.test\.llmkube\.dev: the API server answered 404/));
    assert.equal(gadgets.synced(), false);
    value(await admin.create(KINDS.customResourceDefinition, gadgetDefinition()));
    assert(await gadgets.whenSynced(AbortSignal.timeout(30_000)));
    value(
      await admin.create(GADGET, {
        apiVersion: "test.llmkube.dev/v1",
        kind: "Gadget",
        metadata: { namespace: NAMESPACE, name: "g" },
      }),
    );
    await eventually(() => assert.equal(gadgets.get(`${NAMESPACE}/g`)?.kind, "Gadget"));
    ended.abort();
    await run;
    await client.close();
  });

  it("arrives as the user and the groups that it impersonates, and as itself where it is to", async () => {
    const user = {
      token: plane.token,
      as: "system:node:mac-1",
      "as-groups": ["system:nodes", "others"],
      "as-user-extra": { "test.dev/x": ["y"] },
    };
    const access = await accessOf(user);
    const [client, itself] = [access.client(), access.clientAsItself()];
    const seen = async (as: KubeClient) => value(await as.post(SELF_REVIEW, undefined, undefined, {}))["status"];
    assert.deepEqual(await seen(client), {
      userInfo: {
        username: "system:node:mac-1",
        groups: ["system:nodes", "others", "system:authenticated"],
        extra: { "test.dev/x": ["y"] },
      },
    });
    assert.match(JSON.stringify(await seen(itself)), /"username":"admin"/);
    await Promise.all([client.close(), itself.close()]);
  });

  it("takes the next token of a file as soon as the last one is refused", async () => {
    const tokenFile = join(folder, "token");
    await writeFile(tokenFile, "long-expired");
    const client = (await accessOf({ tokenFile })).client();
    const refused = await client.post(SELF_REVIEW, undefined, undefined, {});
    assert.equal(refused.ok ? "taken" : refused.kind, "unauthorized");
    await client.close();
    const fresh = (await accessOf({ tokenFile })).client();
    await writeFile(tokenFile, tokens.rotated);
    const review = value(await fresh.post(SELF_REVIEW, undefined, undefined, {}));
    assert.match(JSON.stringify(review), /"username":"someone-later"/);
    await fresh.close();
  });

  it("takes another client certificate from the disk", async () => {
    const issued = [await authority.issue("one", "CN=one"), await authority.issue("two", "CN=two")];
    const files = { "client-certificate": join(folder, "me.crt"), "client-key": join(folder, "me.key") };
    const renew = async (identity = issued[0]) => {
      assert(identity !== undefined);
      await copyFile(identity.certFile, files["client-certificate"]);
      await copyFile(identity.keyFile, files["client-key"]);
    };
    await renew();
    let skippedMs = 0;
    const clock = { ...systemClock, monotonic: () => systemClock.monotonic() + skippedMs };
    const client = (await accessOf(files, clock)).client();
    const seen = async () => JSON.stringify(value(await client.post(SELF_REVIEW, undefined, undefined, {})));
    assert.match(await seen(), /"username":"one"/);
    await renew(issued[1]);
    skippedMs += 10_000;
    assert.match(await seen(), /"username":"two"/);
    await client.close();
  });

  it("names the right that is missing", async () => {
    const client = (await accessOf({ token: tokens.controller })).client();
    const got = await client.list(KINDS.pod, {});
    assert(!got.ok);
    assert.equal(got.kind, "forbidden");
    assert.match(
      got.error,
      /^list pods: the API server answered 403: pods is forbidden: User "someone" cannot list resource "pods"/,
    );
    await client.close();
  });

  it("trusts no server but the cluster's", async () => {
    const path = join(folder, "other-authority");
    const text = JSON.parse(await readFile(plane.kubeconfigPath, "utf8"));
    text.clusters[0].cluster = { server: plane.server };
    await writeFile(path, JSON.stringify(text));
    const client = value(await openKubeAccess({ kubeconfig: path })).client();
    const got = await client.list(KINDS.pod, {});
    assert.match(got.ok ? "trusted" : got.error, /certificate is not of the kubeconfig's certificate authority$/);
    await client.close();
  });

  it("stops leading behind a connection that only seems to live, before another one leads", async () => {
    const lease = { namespace: NAMESPACE, name: "leader" };
    const timing = { durationMs: 4000, renewDeadlineMs: 2500, retryMs: 300 };
    const client = (await accessOf({ token: plane.token })).client();
    let unanswered = 0;
    const behind = leaderElection({
      client,
      lease,
      identity: "a",
      ...timing,
      unanswered: () => {
        unanswered += 1;
      },
    });
    const beside = leaderElection({ client: admin, lease, identity: "b", ...timing });
    const lead = (leading: AbortSignal) =>
      new Promise<void>((resolve) => leading.addEventListener("abort", () => resolve()));
    const runs = [behind.run(lead, ended.signal)];
    await eventually(() => assert.equal(behind.isLeader(), true));
    runs.push(beside.run(lead, ended.signal));
    await sleep(1000);
    await proxy.set("black-hole");
    const begun = performance.now();
    await eventually(() => {
      assert(!(behind.isLeader() && beside.isLeader()), "two leaders");
      assert.equal(beside.isLeader(), true);
    });
    assert(performance.now() - begun > 2000);
    assert(unanswered > 0);
    assert.equal(behind.isLeader(), false);
    ended.abort();
    await proxy.set("pass");
    await Promise.all(runs);
    await client.close();
  });

  it("asks again on new connections when a request gets no answer", async () => {
    const client = (await accessOf({ token: plane.token })).client({ timeoutMs: 1000 });
    value(await client.list(KINDS.node, {}));
    await proxy.set("black-hole");
    const got = await client.list(KINDS.node, {});
    assert.match(got.ok ? "answered" : got.error, /gave no answer within 1 s$/);
    await proxy.set("pass");
    await client.resetConnections();
    value(await client.list(KINDS.node, {}));
    await client.close();
  });
});

function gadgetDefinition(): KubeObject {
  const names = { kind: "Gadget", plural: "gadgets", singular: "gadget" };
  const schema = { openAPIV3Schema: { type: "object", "x-kubernetes-preserve-unknown-fields": true } };
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: "gadgets.test.llmkube.dev" },
    spec: {
      group: "test.llmkube.dev",
      scope: "Namespaced",
      names,
      versions: [{ name: "v1", served: true, storage: true, schema }],
    },
  };
}
