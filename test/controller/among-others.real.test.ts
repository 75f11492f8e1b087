import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import * as z from "zod";
import { SERVICE_CONDITIONS } from "../../api/fleet.ts";
import { CONTROLLER } from "../../cluster/names.ts";
import type { TestServer } from "../gguf/range-server.ts";
import { type Cluster, CONTROL_PLANE_TIMEOUT_MS, startCluster } from "../support/cluster/cluster.ts";
import { untilTrue } from "../support/cluster/until.ts";
import { groundOf } from "./support/ground.ts";
import { installController, type RunningController, serveWeights, startController } from "./support/running.ts";
import { startStandInOperator } from "./support/stand-in-operator.ts";

describe("the controller among others, on a real control plane", function () {
  this.timeout(CONTROL_PLANE_TIMEOUT_MS);
  let cluster: Cluster;
  let weights: TestServer;
  let controller: RunningController | undefined;
  let ground: ReturnType<typeof groundOf>;

  before(async () => {
    [cluster, weights] = await Promise.all([startCluster(), serveWeights()]);
    ground = groundOf(cluster, weights);
    await installController(cluster);
    await ground.apply(ground.model("chat"), ground.service("chat"));
  });
  afterEach(async function () {
    if (this.currentTest?.state === "failed") console.error(controller?.lines.slice(-40).join("\n"));
    await controller?.stop();
    controller = undefined;
  });
  after(async () => {
    await Promise.all([cluster?.stop(), weights?.stop()]);
  });

  it("leaves phase, readyReplicas and endpoint to LLMKube's operator where it is seen, without a war", async () => {
    await ground.apply(ground.model("shared"), ground.service("shared"));
    const operator = await startStandInOperator(cluster);
    try {
      controller = await startController(cluster);
      await untilTrue(
        "both have written",
        () => ground.statusOf("shared"),
        (status) =>
          status.phase === "Creating" &&
          status.conditions?.some(({ type }) => type === SERVICE_CONDITIONS.accepted) === true,
      );
      await ground.settledFor(3000);
      const written = operator.writes();
      const fromMs = cluster.audit.now();
      await cluster.kubectl(["scale", "inferenceservice", "shared", "--replicas=2"]);
      await untilTrue(
        "both follow",
        () => ground.statusOf("shared"),
        (status) => status["desiredReplicas"] === 2,
      );
      await ground.settledFor(3000);
      const ours = (await ground.writesSince(fromMs)).filter(({ resource }) => resource === "inferenceservices/status");
      assert.ok(ours.length <= 4, JSON.stringify(ours));
      assert.ok(operator.writes() - written <= 4, String(operator.writes() - written));
      const status = await ground.statusOf("shared");
      assert.equal(status.phase, "Creating");
      assert.equal(status["endpoint"], "http://operator.example");
    } finally {
      await operator.stop();
      await cluster.kubectl(["delete", "inferenceservice", "shared"]);
    }
  });

  it("works as one of two, and the other takes over", async () => {
    const [a, b] = await Promise.all([1, 2].map(() => startController(cluster, { leaderElection: true })));
    assert.ok(a !== undefined && b !== undefined);
    const leads = ({ lines }: RunningController) => lines.some((line) => /are known/.test(line));
    try {
      await untilTrue(
        "one works",
        () => [a, b].filter(leads).length,
        (count) => count === 1,
      );
      await sleep(5000);
      assert.equal([a, b].filter(leads).length, 1);
      const [first, second] = leads(a) ? [a, b] : [b, a];
      await first.stop();
      await untilTrue("the other does", () => leads(second), Boolean, { timeoutMs: 40_000 });
    } finally {
      await Promise.allSettled([a.stop(), b.stop()]);
    }
  });

  it("waits while the API server is away, and goes on when it is back", async () => {
    controller = await startController(cluster);
    await untilTrue(
      "it is up",
      () => controller?.lines.join("\n") ?? "",
      (text) => /are known/.test(text),
    );
    await cluster.apiServer.kill();
    await sleep(3000);
    await cluster.apiServer.start();
    await cluster.kubectl(["scale", "inferenceservice", "chat", "--replicas=2"]);
    await untilTrue(
      "it follows",
      () => ground.specOf("deployment", "chat"),
      ({ replicas }) => replicas === 2,
      {
        timeoutMs: 90_000,
      },
    );
  });

  it("works with LLMKube's own CRD, whose status has no selector", async () => {
    const crd = JSON.parse(
      await cluster.kubectl(["get", "crd", "inferenceservices.inference.llmkube.dev", "-o", "json"]),
    );
    const [version] = crd.spec.versions;
    const original = structuredClone(version);
    delete version.subresources.scale.labelSelectorPath;
    delete version.schema.openAPIV3Schema.properties.status.properties.selector;
    const install = async (value: object) => {
      const patch = JSON.stringify([{ op: "replace", path: "/spec/versions/0", value }]);
      await cluster.kubectl(["patch", "crd", crd.metadata.name, "--type=json", "-p", patch]);
    };
    await install(version);
    try {
      // The API server serves the new schema a moment later.
      await sleep(5000);
      controller = await startController(cluster);
      await ground.apply(ground.model("theirs"), ground.service("theirs"));
      await untilTrue(
        "a status is there",
        () => ground.accepted("theirs"),
        (one) => one?.status === "True",
      );
      // Kubernetes' own controllers may take half a minute to find the API server again that was away: till then its pod is not made.
      await untilTrue(
        "the scheduler has said that there is no Mac",
        () => ground.conditionOf("theirs", SERVICE_CONDITIONS.scheduled),
        (one) => one?.reason === "Unschedulable",
        { timeoutMs: 90_000 },
      );
      await ground.settledFor(3000);
      assert.equal((await ground.statusOf("theirs"))["selector"], undefined);
      const refused = controller.lines.filter((line) => /selector|not declared in schema/.test(line));
      assert.deepEqual(refused, []);
      const told = await ground.statusOf("theirs");
      await controller.stop();
      const fromMs = cluster.audit.now();
      controller = await startController(cluster);
      await sleep(5000);
      assert.deepEqual(await ground.statusOf("theirs"), told);
      assert.deepEqual(await ground.writesSince(fromMs), []);
    } finally {
      await cluster.kubectl(["delete", "inferenceservice", "theirs"]);
      await install(original);
    }
  });

  it("says on a service what it may not make, and makes it once it may", async () => {
    const role = await cluster.read("clusterrole", CONTROLLER);
    const { rules } = z.object({ rules: z.array(z.looseObject({ resources: z.array(z.string()) })) }).parse(role);
    const number = rules.findIndex(({ resources }) => resources.includes("deployments"));
    const verbs = (value: readonly string[]) =>
      JSON.stringify([{ op: "replace", path: `/rules/${number}/verbs`, value }]);
    const give = (value: readonly string[]) =>
      cluster.kubectl(["patch", "clusterrole", CONTROLLER, "--type=json", "-p", verbs(value)]);
    await give(["get", "list", "watch"]);
    controller = await startController(cluster);
    await ground.apply(ground.model("forbidden"), ground.service("forbidden"));
    const told = await untilTrue(
      "the service says so",
      () => ground.accepted("forbidden"),
      (one) => one?.reason === "Forbidden",
    );
    assert.match(told?.message ?? "", /cannot (create|patch) resource "deployments"/);
    await give(["get", "list", "watch", "create", "patch", "delete"]);
    await untilTrue(
      "it is made",
      () => ground.accepted("forbidden"),
      (one) => one?.status === "True",
      { timeoutMs: 90_000 },
    );
    await cluster.kubectl(["delete", "inferenceservice", "forbidden"]);
  });

  it("names the right that is missing", async () => {
    await cluster.kubectl(["delete", "clusterrolebinding", CONTROLLER]);
    controller = await startController(cluster);
    const says =
      /forbidden: User "system:serviceaccount:pulumi-llmkube:pulumi-llmkube-controller" cannot (list|watch) resource "pods"/;
    await untilTrue(
      "it says so",
      () => controller?.lines.join("\n") ?? "",
      (text) => says.test(text),
    );
    await installController(cluster);
    await untilTrue(
      "it goes on",
      () => controller?.lines.join("\n") ?? "",
      (text) => /are known/.test(text),
      { timeoutMs: 90_000 },
    );
  });
});
