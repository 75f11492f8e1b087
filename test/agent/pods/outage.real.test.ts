import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import getPort from "get-port";
import { type Cluster, CONTROL_PLANE_TIMEOUT_MS, startCluster } from "../../support/cluster/cluster.ts";
import { type FaultProxy, startFaultProxy } from "../../support/cluster/fault-proxy.ts";
import { type Mac, startMac } from "../../support/cluster/mac.ts";
import { untilTrue } from "../../support/cluster/until.ts";
import { gemmaFile } from "../../support/gemma-header.ts";
import { standIn } from "../stand-in.ts";
import { isReady, pidOf, stageOf } from "./stage.ts";

const NODE = "mac-2";
const OUTAGE_MS = 30_000;

describe("an agent whose API server is away", function () {
  this.timeout(180_000);
  let cluster: Cluster;
  let proxy: FaultProxy;
  let mac: Mac;
  let stage: ReturnType<typeof stageOf>;

  before(async function () {
    this.timeout(CONTROL_PLANE_TIMEOUT_MS);
    cluster = await startCluster({ schedulerAndControllers: false });
    await cluster.kubectl(["create", "serviceaccount", "default"]);
    proxy = await startFaultProxy(cluster.server);
    stage = stageOf(cluster);
    const kubeconfig = await cluster.asMac(NODE, { server: proxy.server });
    const llamaServer = await standIn("well");
    mac = await startMac({ name: NODE, number: 22, kubeconfig, llamaServer });
  });
  after(async () => {
    await mac?.die();
    await proxy?.close();
    await cluster?.stop();
  });
  afterEach(async function () {
    if (this.currentTest?.state === "failed") console.log(await mac.lastLines(40));
  });

  it("goes on with every server, adopts them if it is restarted meanwhile, and catches up afterwards", async () => {
    const source = await gemmaFile();
    const [stays, goes, crashes] = await Promise.all(
      ["stays", "goes", "crashes"].map(async (name) => stage.want({ name, node: NODE, port: await getPort(), source })),
    );
    assert(stays && goes && crashes);
    for (const wanted of [stays, goes, crashes]) await stage.bind(wanted, `${wanted.name}-a`);
    const pidOfReady = async (name: string) => pidOf(await stage.until(name, `${name} is ready`, isReady));
    const [stayed, gone, crashed] = [
      await pidOfReady("stays-a"),
      await pidOfReady("goes-a"),
      await pidOfReady("crashes-a"),
    ];
    await proxy.set("refuse");
    const endAt = performance.now() + OUTAGE_MS;
    await cluster.kubectl(["delete", "pod", "goes-a", "--wait=false"]);
    process.kill(crashed, "SIGKILL");
    const restarted = await untilTrue(
      "what crashed runs again",
      mac.servers,
      (pids) => pids.length === 3 && !pids.includes(crashed),
    );
    await mac.endAgent("SIGKILL");
    mac.start();
    await untilTrue(
      "all are adopted",
      () => mac.lastLines(60),
      (lines) => (lines.match(/adopted the running/g) ?? []).length === 3,
    );
    // This agent has never heard the API server: it goes by what the one before has kept.
    const again = restarted.find((pid) => pid !== stayed && pid !== gone);
    assert(again !== undefined);
    process.kill(again, "SIGKILL");
    const served = await untilTrue(
      "what crashed under the new agent runs again",
      mac.servers,
      (pids) => pids.length === 3 && !pids.includes(again),
    );
    await sleep(Math.max(0, endAt - performance.now()));
    assert.deepEqual(await mac.servers(), served);
    await proxy.set("pass");
    await stage.until("goes-a", "goes-a is gone", (pod) => pod === undefined, 60_000);
    const other = await stage.until(
      "crashes-a",
      "the restart shows",
      (pod) => isReady(pod) && ![crashed, again].includes(pidOf(pod)),
      60_000,
    );
    assert.deepEqual(
      await mac.servers(),
      served.filter((pid) => pid !== gone),
    );
    assert.equal(other?.status.containerStatuses[0]?.restartCount, 2);
    const same = await stage.seen("stays-a");
    assert.deepEqual([pidOf(same), isReady(same), same?.status.containerStatuses[0]?.restartCount], [stayed, true, 0]);
  });
});
