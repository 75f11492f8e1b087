import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { CONTROL_PLANE_TIMEOUT_MS } from "../support/cluster/cluster.ts";
import { startController } from "../support/cluster/controller.ts";
import { startFaultProxy } from "../support/cluster/fault-proxy.ts";
import { model, service } from "../support/cluster/objects.ts";
import { untilTrue } from "../support/cluster/until.ts";
import { type Fleet, reportFailures, startFleet } from "./fleet.ts";
import { budgetsOf, completionAt, keyOf, reachable } from "./seen.ts";

/** Longer than the Lease, its renewal and every timeout of a request. FLEET_OUTAGE_SECONDS=300 is the five minutes of an upgrade of a control plane. */
const OUTAGE_SECONDS = Number(process.env["FLEET_OUTAGE_SECONDS"] ?? 25);
const ASKED_EVERY_MS = 500;

describe("A fleet of Macs: the API server is away", function () {
  this.timeout(CONTROL_PLANE_TIMEOUT_MS + OUTAGE_SECONDS * 1000);
  let fleet: Fleet;

  before(async () => {
    fleet = await startFleet({ macs: ["mac-a", "mac-b"].map((name) => ({ name, hostMemory: "2Gi" })) });
    await fleet.apply(
      model({ name: "chat", source: fleet.weights.url("chat"), budget: "768Mi" }),
      service({ name: "chat", replicas: 2 }),
    );
  });
  after(() => fleet?.stop());
  reportFailures(() => fleet);

  it(`answers for ${OUTAGE_SECONDS} s without it, restarts nothing, and converges afterwards`, async () => {
    await fleet.untilReady("chat", 2);
    const before = await identities(fleet);
    const endpoints = await fleet.endpoints("chat");
    const key = await keyOf(fleet.cluster, "chat");
    await fleet.cluster.apiServer.kill();
    const end = performance.now() + OUTAGE_SECONDS * 1000;
    let answered = 0;
    while (performance.now() < end) {
      for (const endpoint of endpoints) {
        const text = await completionAt(reachable(endpoint), key, "The capital of France is");
        assert.match(text, /France/);
        answered += 1;
      }
      await sleep(ASKED_EVERY_MS);
    }
    assert.ok(answered >= endpoints.length, `${answered} answers`);
    await fleet.cluster.apiServer.start();
    // What was asked for after it came back is done, so that the fleet works again.
    await fleet.cluster.kubectl(["scale", "inferenceservice/chat", "--replicas=1"]);
    await fleet.untilReady("chat", 1);
    await fleet.cluster.kubectl(["scale", "inferenceservice/chat", "--replicas=2"]);
    await fleet.untilReady("chat", 2);
    const after = await identities(fleet);
    const kept = after.filter((one) => before.some((other) => JSON.stringify(other) === JSON.stringify(one)));
    assert.equal(kept.length, 1, JSON.stringify({ before, after }));
  });

  it("hears of everything after its connections were cut, and after they only seemed to live", async () => {
    await fleet.untilReady("chat", 2);
    const before = (await identities(fleet)).flatMap(({ servers }) => servers);
    const proxy = await startFaultProxy(fleet.cluster.server);
    await fleet.controller.end();
    const controller = await startController(fleet.cluster, { server: proxy.server });
    try {
      const behind = await fleet.addMac({ name: "mac-c", hostMemory: "2Gi", server: proxy.server });
      proxy.cutAll();
      await fleet.cluster.kubectl(["scale", "inferenceservice/chat", "--replicas=3"]);
      await fleet.untilReady("chat", 3);
      await proxy.set("black-hole");
      await sleep(1000);
      // Those that are open now stay open, and say nothing for ever.
      await proxy.set("pass");
      await fleet.apply(model({ name: "chat", source: fleet.weights.url("chat"), budget: "896Mi" }));
      await untilTrue(
        "the Mac behind them holds its server to the new budget",
        () => budgetsOf(fleet.cluster, "chat"),
        (budgets) => budgets[behind.name] === 896,
        { timeoutMs: 90_000 },
      );
      const after = await identities(fleet);
      assert.deepEqual(
        after.filter(({ restarts, servers }) => restarts > 0 || servers.length !== 1),
        [],
      );
      const servers = after.flatMap((one) => one.servers);
      assert.deepEqual(
        before.filter((pid) => !servers.includes(pid)),
        [],
      );
      await fleet.cluster.kubectl(["scale", "inferenceservice/chat", "--replicas=0"]);
      await fleet.untilPods("chat", "no pod is left", (pods) => pods.length === 0);
    } finally {
      await controller.end();
      await proxy.close();
    }
  });
});

interface Replica {
  readonly uid: string;
  readonly node: string;
  readonly restarts: number;
  readonly servers: readonly number[];
}

/** Of each replica: its pod, its Mac, the process there, and its restarts. */
async function identities(fleet: Fleet): Promise<readonly Replica[]> {
  const pods = await fleet.pods("chat");
  return Promise.all(
    pods.map(async ({ uid, node, restarts }) => ({ uid, node, restarts, servers: await fleet.mac(node).servers() })),
  );
}
