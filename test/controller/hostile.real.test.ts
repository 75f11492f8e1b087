import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import * as z from "zod";
import { childName, SERVICE_CONDITIONS } from "../../api/fleet.ts";
import type { TestServer } from "../gguf/range-server.ts";
import { type Cluster, CONTROL_PLANE_TIMEOUT_MS, startCluster } from "../support/cluster/cluster.ts";
import { startController as startProcess } from "../support/cluster/controller.ts";
import { model, service } from "../support/cluster/objects.ts";
import { untilTrue } from "../support/cluster/until.ts";
import { installController, type RunningController, serveWeights, startController } from "./support/running.ts";

const conditionsShape = z.looseObject({
  conditions: z.array(z.object({ type: z.string(), status: z.string(), reason: z.string() })).default([]),
});
const listShape = z.object({
  items: z.array(z.object({ metadata: z.object({ name: z.string() }), status: conditionsShape.optional() })),
});
const deploymentsShape = z.object({
  items: z.array(
    z.object({
      metadata: z.object({ name: z.string() }),
      spec: z.object({
        template: z.object({
          metadata: z.object({ annotations: z.record(z.string(), z.string()) }),
          spec: z.object({
            containers: z.tuple([
              z.looseObject({ image: z.string(), ports: z.tuple([z.object({ hostPort: z.number() })]) }),
            ]),
          }),
        }),
      }),
    }),
  ),
});

describe("the controller among hostile objects", function () {
  this.timeout(CONTROL_PLANE_TIMEOUT_MS);
  let cluster: Cluster;
  let weights: TestServer;
  let controller: RunningController | undefined;
  let silent: Server;

  before(async () => {
    [cluster, weights] = await Promise.all([startCluster(), serveWeights()]);
    await installController(cluster);
    silent = createServer(() => {}).listen(0, "127.0.0.1");
  });
  afterEach(async function () {
    if (this.currentTest?.state === "failed") console.error(controller?.lines.slice(-30).join("\n"));
    await controller?.stop();
    controller = undefined;
  });
  after(async () => {
    silent?.closeAllConnections();
    silent?.close();
    await Promise.all([cluster?.stop(), weights?.stop()]);
  });

  const apply = (objects: readonly object[], namespace = "default") =>
    cluster.kubectl(["apply", "-n", namespace, "--server-side", "-f", "-"], { input: objects });
  const source = (name = "m") => `${weights.origin}/${name}.gguf`;
  const accepted = async (namespace = "default") => {
    const { items } = listShape.parse(await cluster.read("inferenceservices", "-n", namespace));
    const of = ({ status }: (typeof items)[number]) =>
      status?.conditions.find(({ type }) => type === SERVICE_CONDITIONS.accepted);
    return new Map(items.map((item) => [item.metadata.name, of(item)]));
  };
  const isAccepted = (name: string) =>
    untilTrue(
      `${name} is accepted`,
      async () => (await accepted()).get(name),
      (one) => one?.status === "True",
      {
        timeoutMs: 60_000,
      },
    );
  const deployments = async (namespace = "default") =>
    deploymentsShape.parse(await cluster.read("deployments", "-n", namespace)).items;

  it("gets 200 services right, ten of them bad, though it is killed at random meanwhile", async () => {
    await cluster.kubectl(["create", "namespace", "many"]);
    const process = await startProcess(cluster);
    const bad = (index: number) => index % 20 === 0;
    const objects = Array.from({ length: 200 }, (_, index) => {
      const spec = bad(index) ? { extraArgs: ["--model", "/etc/passwd"] } : {};
      return service({ name: `s-${index}`, model: "one", spec });
    });
    try {
      const applied = apply([model({ name: "one", source: source() }), ...objects], "many");
      for (let kill = 0; kill < 4; kill += 1) {
        await sleep(1500 + Math.random() * 3000);
        await process.end("SIGKILL");
        process.start();
      }
      await applied;
      const decided = await untilTrue(
        "all are decided",
        () => accepted("many"),
        (all) => all.size === 200 && [...all.values()].every((one) => one !== undefined && one.status !== "Unknown"),
        { timeoutMs: 120_000 },
      );
      for (let index = 0; index < 200; index += 1) {
        assert.equal(decided.get(`s-${index}`)?.reason, bad(index) ? "InvalidSpec" : "Fits", `s-${index}`);
      }
      const made = await deployments("many");
      assert.equal(made.length, 190);
      assert.equal(new Set(made.map(({ spec }) => spec.template.spec.containers[0].ports[0].hostPort)).size, 190);
      const secrets = await cluster.kubectl(["get", "secrets", "-n", "many", "-o", "name"]);
      assert.equal(secrets.split("\n").filter((name) => name.endsWith("-api-key")).length, 190);

      // One Model of all of them changes.
      await apply([model({ name: "one", source: source("other") })], "many");
      const settings = async () =>
        (await deployments("many")).map(({ spec }) => spec.template.metadata.annotations["llmkube.dev/settings"]);
      const before = made[0]?.spec.template.metadata.annotations["llmkube.dev/settings"];
      await untilTrue("all follow", settings, (all) => all.length === 190 && all.every((one) => one !== before), {
        timeoutMs: 120_000,
      });
    } catch (error) {
      console.error(await process.lastLines(30));
      throw error;
    } finally {
      await process.end("SIGTERM");
    }
  });

  it("goes on while a namespace is being deleted, and is no hindrance to it", async () => {
    controller = await startController(cluster);
    await apply([model({ name: "alive", source: source() }), service({ name: "alive" })]);
    await cluster.kubectl(["delete", "namespace", "many", "--timeout=120s"]);
    await isAccepted("alive");
  });

  it("keeps what its pods are made of, whoever edits the Deployment", async () => {
    controller = await startController(cluster);
    await isAccepted("alive");
    const edit = cluster.kubectl(["set", "image", "deployment/alive", "llama-server=evil.example/x:1"]);
    await assert.rejects(edit, /what a model's pods are made of is the controller's/);
    const strategy = async () => JSON.stringify(await cluster.read("deployment", "alive"));
    await cluster.kubectl([
      "patch",
      "deployment",
      "alive",
      "-p",
      '{"spec":{"strategy":{"rollingUpdate":{"maxSurge":3}}}}',
    ]);
    await untilTrue("it is put back", strategy, (text) => /"maxSurge":0/.test(text));
  });

  it("serves the first of two whose names are one when they are shortened, and tells the other", async () => {
    controller = await startController(cluster);
    const [first, second] = ["with.dots", childName("with.dots")];
    assert.ok(second !== undefined);
    await apply([model({ name: "shared", source: source() }), service({ name: first, model: "shared" })]);
    await isAccepted(first);
    await apply([service({ name: second, model: "shared" })]);
    const told = await untilTrue(
      "it is told",
      async () => (await accepted()).get(second),
      (one) => one?.status === "False",
    );
    assert.equal(told?.reason, "NameCollision");
    assert.equal((await accepted()).get(first)?.status, "True");
    await cluster.kubectl(["delete", "inferenceservice", first]);
    await untilTrue(
      "the other one has the name",
      async () => (await accepted()).get(second),
      (one) => one?.status === "True",
      {
        timeoutMs: 120_000,
      },
    );
  });

  it("serves others while a server of headers hangs, and ends at once", async () => {
    controller = await startController(cluster);
    const { port } = silent.address() as AddressInfo;
    const hanging = Array.from({ length: 5 }, (_, index) => `hangs-${index}`);
    await apply(
      hanging.flatMap((name) => [model({ name, source: `http://127.0.0.1:${port}/${name}.gguf` }), service({ name })]),
    );
    await apply([model({ name: "quick", source: source() }), service({ name: "quick" })]);
    await isAccepted("quick");
    assert.equal((await accepted()).get("hangs-0")?.status, "Unknown");
    const begunAt = performance.now();
    await controller.stop();
    assert.ok(performance.now() - begunAt < 10_000);
    await cluster.kubectl(["delete", "inferenceservice", ...hanging]);
  });

  it("plans a service with a Secret that is not there, and makes none of its own", async () => {
    controller = await startController(cluster);
    const named = service({ name: "keyed", model: "quick" }) as { metadata: object };
    const annotations = { "llmkube.dev/api-key-secret": "of-a-person" };
    await apply([{ ...named, metadata: { ...named.metadata, annotations } }]);
    await isAccepted("keyed");
    assert.doesNotMatch(await cluster.kubectl(["get", "secrets", "-o", "name"]), /keyed|of-a-person/);
  });

  it("takes a manifest in other scripts, and one of nearly a MiB", async () => {
    controller = await startController(cluster);
    const text = "模型 🦙 نموذج ".repeat(30);
    const big = service({ name: "big", model: "quick" }) as { metadata: object };
    const annotations = { "example.com/big": "x".repeat(200_000), "example.com/text": text };
    await apply([
      service({
        name: "scripts",
        model: "quick",
        spec: { reasoningBudgetMessage: text.slice(0, 200), podAnnotations: { note: text } },
      }),
      { ...big, metadata: { ...big.metadata, annotations } },
    ]);
    await isAccepted("scripts");
    await isAccepted("big");
  });
});
