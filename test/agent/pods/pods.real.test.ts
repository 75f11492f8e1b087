import assert from "node:assert/strict";
import getPort from "get-port";
import { parseMemory } from "../../../api/fleet-memory.ts";
import { type Cluster, CONTROL_PLANE_TIMEOUT_MS, startCluster } from "../../support/cluster/cluster.ts";
import { type Mac, startMac } from "../../support/cluster/mac.ts";
import { untilTrue } from "../../support/cluster/until.ts";
import { gemmaFile } from "../../support/gemma-header.ts";
import { standIn } from "../stand-in.ts";
import { conditionOf, isReady, type PodChanges, pidOf, type SeenPod, stageOf, type Wanted } from "./stage.ts";

const NODE = "mac-1";

/** No controllers: a pod is what the test makes of it, and nobody else ends it. */
describe("pods bound to a Mac, on a real API server", function () {
  this.timeout(120_000);
  let cluster: Cluster;
  let mac: Mac;
  let source: string;
  let stage: ReturnType<typeof stageOf>;

  before(async function () {
    this.timeout(CONTROL_PLANE_TIMEOUT_MS);
    cluster = await startCluster({ schedulerAndControllers: false });
    await cluster.kubectl(["create", "serviceaccount", "default"]);
    source = await gemmaFile();
    stage = stageOf(cluster);
    mac = await startMac({
      ...{
        name: NODE,
        number: 21,
        kubeconfig: await cluster.asMac(NODE),
        llamaServer: await standIn("grows-150@default/grown"),
        flags: [`--client-ca-file=${cluster.clientCaFile}`],
      },
    });
  });
  after(async () => {
    await mac?.die();
    await cluster?.stop();
  });
  afterEach(async function () {
    if (this.currentTest?.state !== "failed") return;
    console.log(await mac.lastLines(30));
    // What it has left would fail the tests after it.
    await cluster.kubectl(["delete", "pods", "--all", "--wait=false"]);
    await untilTrue("its servers are gone", mac.servers, (pids) => pids.length === 0);
  });

  it("runs one, says so in its status, and ends it with grace", async () => {
    const wanted = await stage.want({ name: "thread", node: NODE, port: await getPort(), source });
    await stage.bind(wanted, "thread-a");
    const ready = await stage.until("thread-a", "thread-a is ready", isReady);
    assert.ok(ready);
    assert.deepEqual(
      [ready.status.phase, ready.status.hostIP, ready.status.podIP],
      ["Running", "10.99.0.21", "10.99.0.21"],
    );
    assert.deepEqual(await mac.servers(), [pidOf(ready)]);
    assert.equal(conditionOf(ready, "llmkube.dev/WithinBudget")?.status, "True");
    // By way of the API server, which asks the agent.
    await cluster.kubectl(["logs", "thread-a"]);
    assert.match(
      await cluster.kubectl(["get", "--raw", `/api/v1/nodes/${NODE}/proxy/metrics`]),
      /llmkube_metal_agent_process_healthy/,
    );
    await cluster.kubectl(["delete", "pod", "thread-a", "--wait=false"]);
    await stage.until("thread-a", "thread-a is gone", (pod) => pod === undefined);
    assert.deepEqual(await mac.servers(), []);
  });

  it("never runs what a pod says, and writes once why", async () => {
    const wanted = await stage.want({ name: "hostile", node: NODE, port: await getPort(), source });
    const container = (changes: object) => ({ container: changes });
    const hostile: Readonly<Record<string, PodChanges>> = {
      "with-command": container({ command: ["/bin/sh", "-c", "id"] }),
      "with-args": container({ args: ["--model", "/etc/passwd"] }),
      "with-more-env": container({
        env: [...KEY_OF(wanted), { name: "LD_PRELOAD", value: "/tmp/evil.so" }],
      }),
      "with-two-containers": {
        spec: {
          containers: [
            { name: "a", image: "a" },
            { name: "b", image: "b" },
          ],
        },
      },
      "with-host-pid": { spec: { hostPID: true } },
      "with-foreign-owner": {
        metadata: {
          ownerReferences: [{ apiVersion: "v1", kind: "ConfigMap", name: "x", uid: wanted.uid, controller: true }],
        },
      },
      "with-other-uid": {
        annotations: { "llmkube.dev/inference-service-uid": "11111111-2222-3333-4444-555555555555" },
      },
      "of-nobody": { annotations: { "llmkube.dev/inference-service-name": "nobody" } },
      "of-a-daemon-set": {
        metadata: {
          annotations: {},
          ownerReferences: [{ apiVersion: "apps/v1", kind: "DaemonSet", name: "x", uid: wanted.uid, controller: true }],
        },
      },
    };
    for (const [name, changes] of Object.entries(hostile)) await stage.bind(wanted, name, changes);
    const reasons: Record<string, string | undefined> = {};
    const versions: Record<string, string> = {};
    for (const name of Object.keys(hostile)) {
      const pod = await stage.until(name, `${name} is refused`, (seen) => isDecided(waitingReason(seen)));
      assert.ok(pod);
      assert.equal(pod.status.phase, "Pending");
      reasons[name] = waitingReason(pod);
      versions[name] = pod.metadata.resourceVersion;
    }
    assert.deepEqual(reasons, {
      ...{ "with-command": "AsksForMore", "with-args": "AsksForMore", "with-more-env": "AsksForMore" },
      ...{ "with-two-containers": "AsksForMore", "with-host-pid": "AsksForMore", "with-foreign-owner": "ForeignOwner" },
      ...{
        "with-other-uid": "InferenceServiceNotFound",
        "of-nobody": "InferenceServiceNotFound",
        "of-a-daemon-set": "NotAModel",
      },
    });
    assert.deepEqual(await mac.servers(), []);
    // Two ticks, and a restart of the agent, write nothing more.
    await mac.endAgent();
    mac.start();
    const helper = await stage.want({ name: "after", node: NODE, port: await getPort(), source });
    await stage.bind(helper, "after-a");
    await stage.until("after-a", "a pod after them is ready", isReady);
    for (const name of Object.keys(hostile)) {
      assert.equal((await stage.seen(name))?.metadata.resourceVersion, versions[name], name);
    }
    await cluster.kubectl(["delete", "pod", "after-a", ...Object.keys(hostile), "--wait=false"]);
    for (const name of ["after-a", ...Object.keys(hostile)]) {
      await stage.until(name, `${name} is gone`, (pod) => pod === undefined);
    }
  });

  it("goes on through kill -9 of the agent: the same pid, and no write", async () => {
    const wanted = await stage.want({ name: "adopted", node: NODE, port: await getPort(), source });
    await stage.bind(wanted, "adopted-a");
    const before = await stage.until("adopted-a", "adopted-a is ready", isReady);
    await mac.endAgent("SIGKILL");
    const fromMs = cluster.audit.now();
    mac.start();
    await untilTrue(
      "the new agent has adopted it",
      () => mac.lastLines(30),
      (lines) => /adopted the running llama-server/.test(lines),
    );
    const other = await stage.want({ name: "newer", node: NODE, port: await getPort(), source });
    await stage.bind(other, "newer-a");
    await stage.until("newer-a", "newer-a is ready", isReady);
    const after = await stage.seen("adopted-a");
    assert.equal(pidOf(after), pidOf(before));
    assert.equal(after?.status.containerStatuses[0]?.restartCount, 0);
    const writes = await cluster.audit.requests({ fromMs, user: "system:node:mac-1" });
    const toAdopted = writes.filter(({ resource, name }) => resource === "pods/status" && name === "adopted-a");
    assert.deepEqual(toAdopted, []);
    await cluster.kubectl(["delete", "pod", "adopted-a", "newer-a", "--wait=false"]);
    await stage.until("adopted-a", "adopted-a is gone", (pod) => pod === undefined);
    await stage.until("newer-a", "newer-a is gone", (pod) => pod === undefined);
  });

  it("applies a budget live, and starts nothing for other settings", async () => {
    const wanted = await stage.want({ name: "moved", node: NODE, port: await getPort(), source });
    await stage.bind(wanted, "moved-a");
    const before = await stage.until("moved-a", "moved-a is ready", isReady);
    await stage.apply(...stage.manifests({ ...wanted, budget: "640Mi" }));
    const raised = (pod: SeenPod | undefined) => {
      const message = conditionOf(pod, "llmkube.dev/WithinBudget")?.message ?? "";
      return parseMemory(message)?.budgetBytes === 640 * 2 ** 20;
    };
    await stage.until("moved-a", "its budget is the new one", raised);
    await stage.apply(...stage.manifests({ ...wanted, budget: "640Mi", spec: { contextSize: 1024 } }));
    await stage.bind(wanted, "moved-b", {
      container: { ports: [{ name: "http", containerPort: 18_999, hostPort: 18_999 }] },
    });
    const waits = await stage.until("moved-b", "moved-b waits", (pod) => waitingReason(pod) === "OtherSettings");
    assert.equal(waits?.status.phase, "Pending");
    const after = await stage.seen("moved-a");
    assert.deepEqual([pidOf(after), isReady(after)], [pidOf(before), true]);
    assert.deepEqual(await mac.servers(), [pidOf(before)]);
    // With the settings of before it starts.
    await stage.apply(...stage.manifests({ ...wanted, budget: "640Mi" }));
    await stage.until("moved-b", "moved-b is ready", isReady);
    await cluster.kubectl(["delete", "pod", "moved-a", "moved-b", "--wait=false"]);
    for (const name of ["moved-a", "moved-b"]) await stage.until(name, `${name} is gone`, (pod) => pod === undefined);
  });

  it("waits for the port of a server that ends, then takes its place", async () => {
    const wanted = await stage.want({ name: "rolled", node: NODE, port: await getPort(), source });
    await stage.bind(wanted, "rolled-a");
    const before = await stage.until("rolled-a", "rolled-a is ready", isReady);
    await stage.bind(wanted, "rolled-b");
    await stage.until("rolled-b", "rolled-b waits", (pod) => waitingReason(pod) === "WaitingForPort");
    assert.deepEqual(await mac.servers(), [pidOf(before)]);
    await cluster.kubectl(["delete", "pod", "rolled-a", "--wait=false"]);
    await stage.until("rolled-b", "rolled-b is ready", isReady);
    await cluster.kubectl(["delete", "pod", "rolled-b", "--wait=false"]);
    await stage.until("rolled-b", "rolled-b is gone", (pod) => pod === undefined);
  });

  it("asks for the keys of its Secret, and for the new ones after they change", async () => {
    const port = await getPort();
    const wanted = await stage.want({ name: "keyed", node: NODE, port, source });
    await stage.bind(wanted, "keyed-a");
    const before = await stage.until("keyed-a", "keyed-a is ready", isReady);
    const ask = async (key: string) =>
      (await fetch(`http://127.0.0.21:${port}/props`, { headers: { authorization: `Bearer ${key}` } })).status;
    assert.deepEqual([await ask("nonsense"), await ask("key-of-before")], [401, 200]);
    await stage.apply({
      ...{ apiVersion: "v1", kind: "Secret", metadata: { name: "keyed-api-key" } },
      stringData: { "api-key": "key-of-now\n" },
    });
    const after = await stage.until(
      "keyed-a",
      "another process is ready",
      (pod) => isReady(pod) && pidOf(pod) !== pidOf(before),
    );
    assert.deepEqual([await ask("key-of-before"), await ask("key-of-now")], [401, 200]);
    assert.equal(after?.status.containerStatuses[0]?.restartCount, 1);
    assert.equal(after?.status.containerStatuses[0]?.lastState.terminated?.reason, "KeyChanged");
    await cluster.kubectl(["delete", "pod", "keyed-a", "--wait=false"]);
    await stage.until("keyed-a", "keyed-a is gone", (pod) => pod === undefined);
  });

  it("removes pods that are deleted before anything runs for them", async () => {
    const wanted = await stage.want({ name: "early", node: NODE, port: await getPort(), source });
    await cluster.kubectl(["delete", "secret", "early-api-key"]);
    await stage.bind(wanted, "early-no-key");
    await stage.until("early-no-key", "it has no key", (pod) => waitingReason(pod) === "SecretNotFound");
    const elsewhere = { ...wanted, source: "http://127.0.0.1:9/weights.gguf" };
    await stage.apply(...stage.manifests(elsewhere));
    for (const name of ["early-no-key"]) await cluster.kubectl(["delete", "pod", name, "--wait=false"]);
    await stage.until("early-no-key", "early-no-key is gone", (pod) => pod === undefined, 10_000);
  });

  it("says OOMKilled and the numbers of a server that outgrew its budget", async () => {
    const wanted = await stage.want({ name: "grown", node: NODE, port: await getPort(), source });
    await stage.bind(wanted, "grown-a");
    const killed = await stage.until("grown-a", "it was killed", (pod) => lastReason(pod) === "OOMKilled");
    assert.match(killed?.status.containerStatuses[0]?.lastState.terminated?.message ?? "", /budget 512\.0 MiB/);
    assert.equal(waitingReason(killed), "CrashLoopBackOff");
    assert.equal(killed?.status.phase, "Running");
    await untilTrue(
      "events tell of it",
      () => stage.events("grown-a"),
      (reasons) => ["Started", "Ready", "BudgetExceeded"].every((reason) => reasons.includes(reason)),
    );
    // In its back-off.
    await cluster.kubectl(["delete", "pod", "grown-a", "--wait=false"]);
    await stage.until("grown-a", "grown-a is gone", (pod) => pod === undefined, 10_000);
  });

  it("tells the cluster that its servers end before it ends them", async () => {
    const wanted = await stage.want({ name: "drained", node: NODE, port: await getPort(), source });
    await stage.bind(wanted, "drained-a");
    await stage.until("drained-a", "drained-a is ready", isReady);
    await mac.endAgent("SIGTERM");
    const ended = await stage.seen("drained-a");
    assert.equal(isReady(ended), false);
    assert.ok(ended?.status.containerStatuses[0]?.state.terminated, JSON.stringify(ended?.status));
    assert.deepEqual(await mac.servers(), []);
    mac.start();
    const again = await stage.until("drained-a", "drained-a is ready again", isReady);
    assert.equal(again?.status.containerStatuses[0]?.restartCount, 1);
    await cluster.kubectl(["delete", "pod", "drained-a", "--wait=false"]);
    await stage.until("drained-a", "drained-a is gone", (pod) => pod === undefined);
  });
});

function lastReason(pod: SeenPod | undefined): string | undefined {
  return pod?.status.containerStatuses[0]?.lastState.terminated?.reason;
}

/** On a busy machine a pod is seen before what it names is heard of. */
function isDecided(reason: string | undefined): boolean {
  return reason !== undefined && reason !== "Unheard";
}

function waitingReason(pod: SeenPod | undefined): string | undefined {
  return pod?.status.containerStatuses[0]?.state.waiting?.reason;
}

const KEY_OF = ({ name }: Wanted) => [
  { name: "LLAMA_API_KEY", valueFrom: { secretKeyRef: { name: `${name}-api-key`, key: "api-key" } } },
];
