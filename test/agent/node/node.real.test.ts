import assert from "node:assert/strict";
import { readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import * as z from "zod";
import { tokenFacts } from "../../../agent/node/token.ts";
import { WEIGHTS_LABEL_PREFIX, weightsImage, weightsKey } from "../../../api/fleet.ts";
import { countRequests } from "../../support/cluster/audit.ts";
import { type Cluster, CONTROL_PLANE_TIMEOUT_MS, startCluster } from "../../support/cluster/cluster.ts";
import { startFaultProxy } from "../../support/cluster/fault-proxy.ts";
import { untilTrue } from "../../support/cluster/until.ts";
import { type RunningNode, type RunningOptions, removeFolders, runNode } from "./a-node.ts";

const nodeSchema = z.object({
  metadata: z.object({ uid: z.string(), labels: z.record(z.string(), z.string()) }),
  spec: z.object({ taints: z.array(z.object({ key: z.string(), effect: z.string() })).default([]) }),
  status: z.object({
    allocatable: z.record(z.string(), z.string()),
    addresses: z.array(z.object({ type: z.string(), address: z.string() })),
    daemonEndpoints: z.object({ kubeletEndpoint: z.object({ Port: z.number() }) }),
    nodeInfo: z.record(z.string(), z.unknown()),
    images: z.array(z.object({ names: z.array(z.string()), sizeBytes: z.number() })).default([]),
    conditions: z.array(z.object({ type: z.string(), status: z.string(), reason: z.string(), message: z.string() })),
  }),
});

const IDLE = "mac-idle";

const leaseSchema = z.object({
  metadata: z.object({ ownerReferences: z.array(z.object({ kind: z.string(), uid: z.string() })).default([]) }),
  spec: z.object({ holderIdentity: z.string(), leaseDurationSeconds: z.number(), renewTime: z.string() }),
});

const tokenSchema = z.object({ token: z.string() });
const kubeconfigSchema = z.object({ users: z.tuple([z.object({ user: z.object({ token: z.string() }) })]) });

describe("a Mac as a Node of a real cluster, with its own identity", function () {
  this.timeout(120_000);
  let cluster: Cluster;
  /** A Mac to which nothing happens while the other tests run. */
  let idle: RunningNode;
  let idleFrom: number;
  const running: RunningNode[] = [];

  before(async function () {
    this.timeout(CONTROL_PLANE_TIMEOUT_MS);
    // Two renewals, so that a Mac goes Unknown soon where they do not count.
    cluster = await startCluster({ nodeGraceSeconds: 20 });
    idle = await runNode(await cluster.asMac(IDLE), IDLE);
    await isReady(IDLE);
    idleFrom = cluster.audit.now();
  });
  after(async () => {
    await idle?.end("crash");
    await cluster?.stop();
    await removeFolders();
  });
  afterEach(async () => {
    await Promise.all(running.splice(0).map((one) => one.end("crash")));
  });

  const nodeOf = async (name: string) => nodeSchema.parse(await cluster.read("node", name));
  const leaseOf = async (name: string) =>
    leaseSchema.parse(await cluster.read("lease", name, "-n", "kube-node-lease"));
  const ready = async (name: string) => {
    const { conditions } = (await nodeOf(name)).status;
    return conditions.find(({ type }) => type === "Ready");
  };
  const run = async (name: string, options: RunningOptions = {}) => {
    const one = await runNode(await cluster.asMac(name), name, options);
    running.push(one);
    return one;
  };
  const isReady = (name: string) =>
    untilTrue(`${name} is Ready`, () => ready(name), (condition) => condition?.status === "True");

  it("registers, with its labels, taint, memory and conditions, and goes Ready", async () => {
    const mac = await run("mac-1");
    await isReady("mac-1");
    const { metadata, spec, status } = await nodeOf("mac-1");
    assert.equal(metadata.labels["kubernetes.io/os"], "darwin");
    assert.equal(metadata.labels["llmkube.dev/memory-mib"], "36864");
    assert(spec.taints.some(({ key, effect }) => key === "llmkube.dev/mac" && effect === "NoSchedule"));
    assert.deepEqual([status.allocatable["memory"], status.allocatable["pods"]], ["24Gi", "110"]);
    assert.equal(status.daemonEndpoints.kubeletEndpoint.Port, 40_123);
    assert.equal(status.nodeInfo["containerRuntimeVersion"], "llama-server://b1");
    assert.equal(status.addresses[0]?.address, mac.node.address());
    assert.deepEqual(
      status.conditions.map(({ type, status: is }) => [type, is]),
      [
        ["Ready", "True"],
        ["MemoryPressure", "False"],
        ["DiskPressure", "False"],
        ["PIDPressure", "False"],
      ],
    );
    // Kubernetes itself takes its not-ready taint away.
    await untilTrue("only the Mac's taint is left", () => nodeOf("mac-1"), (node) => node.spec.taints.length === 1);
    assert.deepEqual(mac.node.problems(), []);
  });

  it("holds a Lease that goes with the Node, and renews it", async () => {
    await run("mac-2");
    await isReady("mac-2");
    const { uid } = (await nodeOf("mac-2")).metadata;
    const first = await untilTrue("the Lease names its Node", () => leaseOf("mac-2"), ({ metadata }) =>
      metadata.ownerReferences.some((owner) => owner.kind === "Node" && owner.uid === uid),
    );
    assert.match(first.spec.holderIdentity, /^mac-2_[0-9a-f]{16}$/);
    assert.equal(first.spec.leaseDurationSeconds, 40);
    await untilTrue("it is renewed", () => leaseOf("mac-2"), ({ spec }) => spec.renewTime > first.spec.renewTime);
  });

  it("is registered again within seconds when somebody deletes it", async () => {
    const mac = await run("mac-3");
    await isReady("mac-3");
    const before = await nodeOf("mac-3");
    await cluster.kubectl(["delete", "node", "mac-3", "--wait=false"]);
    const again = await untilTrue("there is another Node", () => nodeOf("mac-3"), ({ metadata }) =>
      metadata.uid !== before.metadata.uid, { timeoutMs: 5000 });
    assert(again.spec.taints.some(({ key }) => key === "llmkube.dev/mac"));
    await untilTrue("the Lease goes with the new Node", () => leaseOf("mac-3"), ({ metadata }) =>
      metadata.ownerReferences.some(({ uid }) => uid === again.metadata.uid));
    await isReady("mac-3");
    assert.equal(mac.said.filter((one) => one.startsWith("registered")).length, 2);
    assert(mac.node.isInCharge());
  });

  it("puts right what others change of its own, and keeps what is theirs", async () => {
    const mac = await run("mac-4");
    await isReady("mac-4");
    await cluster.kubectl(["label", "node", "mac-4", "rack=b2", "llmkube.dev/memory-mib=1", "--overwrite"]);
    await cluster.kubectl(["label", "node", "mac-4", "weights.llmkube.dev/0123456789abcdef=", "kubernetes.io/os-"]);
    await cluster.kubectl(["cordon", "mac-4"]);
    await untilTrue("its labels are right", () => nodeOf("mac-4"), ({ metadata: { labels } }) =>
      labels["llmkube.dev/memory-mib"] === "36864" &&
      labels["kubernetes.io/os"] === "darwin" &&
      labels["weights.llmkube.dev/0123456789abcdef"] === undefined);
    assert.equal((await nodeOf("mac-4")).metadata.labels["rack"], "b2");
    assert.match(await cluster.kubectl(["get", "node", "mac-4"]), /SchedulingDisabled/);
    // Its taint cannot be put back by the Node itself: that is not tried, and a person is told.
    await cluster.kubectl(["taint", "node", "mac-4", "llmkube.dev/mac-"]);
    await untilTrue("it tells of the taint", () => mac.node.problems(), (problems) =>
      problems.some((one) => one.includes("kubectl taint node mac-4 llmkube.dev/mac=true:NoSchedule")));
  });

  it("is refused to a second agent while the first lives, and goes on after a crash at once", async () => {
    const first = await run("mac-5");
    await isReady("mac-5");
    const second = await run("mac-5");
    await untilTrue("the second is refused", () => second.taken, ({ length }) => length > 0);
    assert.match(second.taken[0] ?? "", /^another agent runs as the Node mac-5: stop it, or give this Mac/);
    assert.deepEqual([second.node.isInCharge(), first.node.isInCharge()], [false, true]);
    assert.deepEqual(second.said, []);
    await second.end("crash");
    await first.end("crash");
    running.splice(0);
    const { uid } = (await nodeOf("mac-5")).metadata;
    const startedAt = performance.now();
    const next = await run("mac-5", { stateDirectory: first.stateDirectory });
    await untilTrue("the next agent of the folder has the name", () => next.node.isInCharge(), (held) => held);
    assert(performance.now() - startedAt < 8000);
    assert.equal((await nodeOf("mac-5")).metadata.uid, uid);
  });

  it("tells at once that it ends, gives its name back, and says nothing when only the agent leaves", async () => {
    const mac = await run("mac-6");
    await isReady("mac-6");
    await mac.end("told");
    const condition = await ready("mac-6");
    assert.deepEqual([condition?.status, condition?.reason], ["False", "AgentStopping"]);
    const other = await run("mac-6");
    await isReady("mac-6");
    const held = (await leaseOf("mac-6")).spec.holderIdentity;
    await other.end("crash");
    assert.equal((await ready("mac-6"))?.status, "True");
    assert.equal((await leaseOf("mac-6")).spec.holderIdentity, held);
  });

  it("lists weights that are on its disk as images and labels, largest first", async () => {
    const mac = await run("mac-8");
    await isReady("mac-8");
    const [small, large] = [
      { source: "https://example.com/small.gguf" },
      { source: "https://example.com/large.gguf", sha256: "ab".repeat(32) },
    ];
    const [smallPath, largePath] = ["small.gguf", "large.gguf"].map((file) => join(mac.stateDirectory, file));
    assert(smallPath !== undefined && largePath !== undefined);
    await writeFile(smallPath, "x".repeat(1000));
    await writeFile(largePath, "x".repeat(30_000_000));
    mac.onDisk = [
      { weights: small, paths: [smallPath] },
      { weights: large, paths: [largePath, smallPath] },
    ];
    const { status, metadata } = await untilTrue("it lists both", () => nodeOf("mac-8"), (node) =>
      node.status.images.length === 2);
    assert.deepEqual(status.images, [
      { names: [weightsImage(large)], sizeBytes: 30_001_000 },
      { names: [weightsImage(small)], sizeBytes: 1000 },
    ]);
    assert.equal(metadata.labels[WEIGHTS_LABEL_PREFIX + weightsKey(large)], "");
  });

  it("closes all connections when a renewal gets no answer, and is there again right after the network is", async () => {
    const proxy = await startFaultProxy(cluster.server);
    try {
      const mac = await runNode(await cluster.asMac("mac-9", { server: proxy.server }), "mac-9");
      running.push(mac);
      await isReady("mac-9");
      const before = (await leaseOf("mac-9")).spec.renewTime;
      await proxy.set("black-hole");
      await untilTrue("a renewal was not answered", () => mac.unanswered(), (count) => count > 0);
      await proxy.set("pass");
      // The watch that was open has never been told that it is dead: without the reset it would hang for minutes.
      await cluster.kubectl(["label", "node", "mac-9", "llmkube.dev/memory-mib=1", "--overwrite"]);
      await untilTrue("it renews and watches again", async () => [await leaseOf("mac-9"), await nodeOf("mac-9")] as const,
        ([lease, node]) => lease.spec.renewTime > before && node.metadata.labels["llmkube.dev/memory-mib"] === "36864");
      assert.equal(mac.unanswered(), 1);
      await untilTrue("it has no problem left", () => mac.node.problems(), ({ length }) => length === 0);
    } finally {
      await proxy.close();
    }
  });

  it("renews its token before that expires, keeps it for itself, and begins with it the next time", async () => {
    const kubeconfig = await cluster.asMac("mac-10", { seconds: 600 });
    // By this clock the token has had more than two thirds of its life.
    const mac = await runNode(kubeconfig, "mac-10", { wall: () => Date.now() + 500_000 });
    running.push(mac);
    await isReady("mac-10");
    const path = join(mac.stateDirectory, "token.json");
    const { token } = await untilTrue("it has another token", async () => tokenSchema.parse(JSON.parse(await readFile(path, "utf8"))), () => true);
    assert.equal((await stat(path)).mode & 0o777, 0o600);
    const given = tokenFacts(kubeconfigSchema.parse(JSON.parse(await readFile(kubeconfig, "utf8"))).users[0].user.token);
    const kept = tokenFacts(token);
    assert(given !== undefined && kept !== undefined && kept.issuedAt >= given.issuedAt);
    assert.equal(kept.account, "mac-mac-10");
    assert.deepEqual(mac.node.problems(), []);
    const asked = (await cluster.audit.requests({ user: "system:serviceaccount:pulumi-llmkube:mac-mac-10" }))
      .map(({ verb, resource, code }) => `${verb} ${resource} ${code}`);
    assert.deepEqual(asked, ["create serviceaccounts/token 201"]);
    assert(!JSON.stringify([mac.said, mac.node.problems()]).includes(token));
  });

  it("is seen to live whatever its clock says, also after the clock is put back", async () => {
    let offset = 7 * 86_400_000;
    await run("mac-7", { wall: () => Date.now() + offset });
    await isReady("mac-7");
    assert((await leaseOf("mac-7")).spec.renewTime > new Date(Date.now() + 86_400_000).toISOString());
    offset = -30 * 86_400_000;
    // Longer than the grace period of this cluster: without renewals that count it were Unknown.
    for (const end = performance.now() + 32_000; performance.now() < end; ) {
      assert.equal((await ready("mac-7"))?.status, "True");
      await sleep(1000);
    }
  });

  it("asks for nothing while nothing happens but to renew its Lease, and never for what it may not", async () => {
    await untilTrue("a minute has passed", () => cluster.audit.now() - idleFrom, (ms) => ms > 65_000, { timeoutMs: 70_000 });
    const untilMs = cluster.audit.now();
    const minutes = (untilMs - idleFrom) / 60_000;
    const requests = await cluster.audit.requests({ fromMs: idleFrom, untilMs, user: `system:node:${IDLE}` });
    const [renewals, others] = [
      requests.filter(({ resource, verb }) => resource === "leases" && verb === "update"),
      requests.filter(({ resource, verb }) => resource !== "leases" || verb !== "update"),
    ];
    const counted = JSON.stringify(countRequests(requests));
    assert(renewals.length >= 5 * minutes && renewals.length <= 6.5 * minutes, counted);
    assert(others.length <= minutes, counted);
    const refused = (await cluster.audit.requests()).filter(({ user, code }) => user.startsWith("system:node:") && code === 403);
    assert.deepEqual(refused, []);
  });
});
