import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import getPort from "get-port";
import { countRequests } from "../../support/cluster/audit.ts";
import { type Cluster, CONTROL_PLANE_TIMEOUT_MS, startCluster } from "../../support/cluster/cluster.ts";
import { type Mac, startMac } from "../../support/cluster/mac.ts";
import { gemmaFile } from "../../support/gemma-header.ts";
import { standIn } from "../stand-in.ts";
import { isReady, type SeenPod, stageOf } from "./stage.ts";

const NODE = "mac-3";
const IDLE_MS = 15_000;

/** What happens to a pod in each phase before it serves. */
describe("pods that do not serve yet, on a real API server", function () {
  this.timeout(120_000);
  let cluster: Cluster;
  let mac: Mac;
  let source: string;
  let stage: ReturnType<typeof stageOf>;
  let silent: Server;

  before(async function () {
    this.timeout(CONTROL_PLANE_TIMEOUT_MS);
    cluster = await startCluster({ schedulerAndControllers: false });
    await cluster.kubectl(["create", "serviceaccount", "default"]);
    source = await gemmaFile();
    stage = stageOf(cluster);
    // It takes requests and answers none.
    silent = createServer(() => {}).listen(0, "127.0.0.1");
    mac = await startMac({
      ...{ name: NODE, number: 23, kubeconfig: await cluster.asMac(NODE), hostMemory: "768Mi" },
      llamaServer: await standIn("hangs-at-once@default/hung"),
    });
  });
  after(async () => {
    await mac?.die();
    silent?.closeAllConnections();
    silent?.close();
    await cluster?.stop();
  });
  afterEach(async function () {
    if (this.currentTest?.state === "failed") console.log(await mac.lastLines(30));
  });

  const removed = async (name: string, timeoutMs = 15_000) => {
    await cluster.kubectl(["delete", "pod", name, "--wait=false"]);
    await stage.until(name, `${name} is gone`, (pod) => pod === undefined, timeoutMs);
  };

  it("are removed while their weights are asked for", async () => {
    const { port } = silent.address() as AddressInfo;
    const remote = `http://127.0.0.1:${port}/weights.gguf`;
    const wanted = await stage.want({ name: "remote", node: NODE, port: await getPort(), source: remote });
    await stage.bind(wanted, "remote-a");
    await stage.until("remote-a", "it waits for its weights", (pod) => waitingReason(pod) !== undefined);
    await removed("remote-a");
  });

  it("are removed while their server starts, and nothing is left of it", async () => {
    const wanted = await stage.want({ name: "hung", node: NODE, port: await getPort(), source });
    await stage.bind(wanted, "hung-a");
    const starting = await stage.until("hung-a", "its server runs", (pod) => runs(pod));
    assert.equal(isReady(starting), false);
    await removed("hung-a", 45_000);
    assert.deepEqual(await mac.servers(), []);
  });

  it("wait for memory that another holds, are removed while they wait, and start when it is free", async () => {
    const first = await stage.want({ name: "first", node: NODE, port: await getPort(), source });
    const second = await stage.want({ name: "second", node: NODE, port: await getPort(), source });
    await stage.bind(first, "first-a");
    await stage.until("first-a", "first-a is ready", isReady);
    await stage.bind(second, "second-a");
    await stage.bind(second, "second-b", {
      container: { ports: [{ name: "http", containerPort: 18_998, hostPort: 18_998 }] },
    });
    for (const name of ["second-a", "second-b"]) {
      const waits = await stage.until(name, `${name} waits`, (pod) => waitingReason(pod) === "WaitingForMemory");
      assert.equal(waits?.status.phase, "Pending");
    }
    await removed("second-b");
    await removed("first-a", 45_000);
    await stage.until("second-a", "second-a is ready", isReady);
  });

  it("cost an idle agent nothing but its Lease: what is watched for a pod is asked for once in an hour or two", async () => {
    const fromMs = cluster.audit.now();
    await sleep(IDLE_MS);
    const asked = await cluster.audit.requests({ fromMs, user: `system:node:${NODE}` });
    const others = asked.filter(({ resource }) => resource !== "leases");
    assert.ok(others.length <= 1, JSON.stringify(countRequests(others)));
    await removed("second-a", 45_000);
  });
});

function waitingReason(pod: SeenPod | undefined): string | undefined {
  return pod?.status.containerStatuses[0]?.state.waiting?.reason;
}

function runs(pod: SeenPod | undefined): boolean {
  return pod?.status.containerStatuses[0]?.state.running !== undefined;
}
