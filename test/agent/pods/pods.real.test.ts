import assert from "node:assert/strict";
import getPort from "get-port";
import { type Cluster, CONTROL_PLANE_TIMEOUT_MS, startCluster } from "../../support/cluster/cluster.ts";
import { type Mac, startMac } from "../../support/cluster/mac.ts";
import { gemmaFile } from "../../support/gemma-header.ts";
import { standIn } from "../stand-in.ts";
import { conditionOf, isReady, pidOf, stageOf } from "./stage.ts";

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
      ...{ name: NODE, number: 21, kubeconfig: await cluster.asMac(NODE), llamaServer: await standIn("well") },
    });
  });
  after(async () => {
    await mac?.die();
    await cluster?.stop();
  });
  afterEach(async function () {
    if (this.currentTest?.state === "failed") console.log(await mac.lastLines(30));
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
    await cluster.kubectl(["delete", "pod", "thread-a", "--wait=false"]);
    await stage.until("thread-a", "thread-a is gone", (pod) => pod === undefined);
    assert.deepEqual(await mac.servers(), []);
  });
});
