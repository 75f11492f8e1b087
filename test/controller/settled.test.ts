import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { pino } from "pino";
import { GROUP_VERSION } from "../../api/constants.ts";
import { controllerMetrics } from "../../controller/http/metrics.ts";
import { type Work, work } from "../../controller/work.ts";
import { systemClock } from "../../kube/clock.ts";
import { KINDS } from "../../kube/kinds.ts";
import { serving } from "../gguf/http-harness.ts";
import { untilTrue } from "../support/cluster/until.ts";
import { type StandInCluster, standInCluster } from "./stand-in-cluster.ts";
import { gemmaServed } from "./support/gemma-served.ts";

const SERVICES = 300;

describe("the controller over many services", function () {
  this.timeout(120_000);
  const { serve } = serving();

  const idle = { isLeader: () => true, isSynced: () => true, headerReads: () => 0 };
  const none = () => ({});
  const begin = (cluster: StandInCluster) => {
    const end = new AbortController();
    const one: Work = work({
      client: cluster.client,
      clock: systemClock,
      identity: "test",
      log: pino({ level: "silent" }),
      metrics: controllerMetrics({ ...idle, queued: none, watched: none, relists: none }),
      signal: end.signal,
      ports: { first: 18_000, last: 19_999 },
      workers: 8,
      allowLocalSources: true,
    });
    const running = one.run();
    return {
      one,
      stop: async () => {
        end.abort();
        await running;
      },
    };
  };
  const settle = async (cluster: StandInCluster, one: Work) => {
    let seen = -1;
    const quiet = async () => {
      const before = seen;
      seen = cluster.writes.length;
      await sleep(1500);
      return before === cluster.writes.length && Object.values(one.queued()).every((count) => count === 0);
    };
    await untilTrue("nothing is written any more", quiet, Boolean, { timeoutMs: 90_000 });
  };
  const populate = async (cluster: StandInCluster, origin: string) => {
    const metadata = (name: string) => ({ name, namespace: "default", generation: 1 });
    for (let index = 0; index < SERVICES; index += 1) {
      const name = `s-${index}`;
      const refused = index % 50 === 0;
      cluster.put(KINDS.model, {
        metadata: metadata(name),
        spec: {
          source: `${origin}/m.gguf`,
          hardware: { accelerator: "metal", memoryBudget: refused ? "64Mi" : "2Gi" },
        },
      });
      cluster.put(KINDS.inferenceService, { metadata: metadata(name), spec: { modelRef: name } });
    }
  };

  it("writes each object a few times, and nothing after a restart, and reads one header for all", async () => {
    const weights = await serve(await gemmaServed());
    const cluster = standInCluster();
    await populate(cluster, weights.origin);
    const first = begin(cluster);
    await settle(cluster, first.one);
    assert.equal(cluster.all(KINDS.deployment).length, SERVICES - SERVICES / 50);
    assert.equal(cluster.all(KINDS.inferenceService)[0]?.apiVersion, GROUP_VERSION);
    // Deployment, Service, Secret, two statuses, an event, and a status or two while the header was read.
    assert.ok(cluster.writes.length < SERVICES * 9, String(cluster.writes.length));
    await first.stop();
    assert.equal(first.one.headerReads(), 1);

    cluster.writes.length = 0;
    const second = begin(cluster);
    await settle(cluster, second.one);
    assert.deepEqual(cluster.writes, []);

    // One change is the work of one service.
    cluster.put(KINDS.inferenceService, {
      metadata: { name: "s-1", namespace: "default", generation: 2 },
      spec: { modelRef: "s-1", replicas: 2 },
      status: cluster.read(KINDS.inferenceService, { name: "s-1", namespace: "default" })?.["status"],
    });
    await settle(cluster, second.one);
    const touched = new Set(cluster.writes.filter(({ kind }) => kind !== "Event").map(({ name }) => name));
    assert.deepEqual([...touched], ["s-1"]);
    await second.stop();
  });
});
