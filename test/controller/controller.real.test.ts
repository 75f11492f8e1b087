import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { GROUP_VERSION } from "../../api/constants.ts";
import type { TestServer } from "../gguf/range-server.ts";
import { type Cluster, CONTROL_PLANE_TIMEOUT_MS, startCluster } from "../support/cluster/cluster.ts";
import { untilTrue } from "../support/cluster/until.ts";
import { groundOf } from "./support/ground.ts";
import { installController, type RunningController, serveWeights, startController } from "./support/running.ts";

describe("the controller on a real control plane", function () {
  this.timeout(CONTROL_PLANE_TIMEOUT_MS);
  let cluster: Cluster;
  let weights: TestServer;
  let controller: RunningController | undefined;
  let ground: ReturnType<typeof groundOf>;

  before(async () => {
    [cluster, weights] = await Promise.all([startCluster({ crds: false }), serveWeights()]);
    ground = groundOf(cluster, weights);
    await installController(cluster);
  });
  afterEach(async function () {
    if (this.currentTest?.state === "failed") console.error(controller?.lines.slice(-40).join("\n"));
    await controller?.stop();
    controller = undefined;
  });
  after(async () => {
    await Promise.all([cluster?.stop(), weights?.stop()]);
  });

  it("waits for the CRDs, says so once, and goes on when they are there", async () => {
    controller = await startController(cluster);
    const said = () => controller?.lines.filter((line) => /the CRDs are not installed yet/.test(line)).length ?? 0;
    await untilTrue("it says that it waits", said, (count) => count > 0);
    await sleep(4000);
    assert.ok(said() <= 2, controller.lines.join("\n"));
    await cluster.installCrds();
    await untilTrue(
      "it goes on",
      () => controller?.lines.join("\n") ?? "",
      (text) => /are known/.test(text),
      {
        timeoutMs: 60_000,
      },
    );
  });

  it("makes Deployment, Service and Secret of an InferenceService, and writes both statuses", async () => {
    controller = await startController(cluster);
    await ground.apply(ground.model("chat"), ground.service("chat"));
    const names = () =>
      cluster.kubectl(["get", "deployment,service,secret", "-l", "llmkube.dev/inference-service=chat", "-o", "name"]);
    const made = await untilTrue("three objects are there", names, (text) => text.split("\n").length === 3);
    assert.match(made, /deployment\.apps\/chat\nservice\/chat\nsecret\/chat-api-key/);
    const status = await untilTrue(
      "a status is there",
      () => ground.statusOf("chat"),
      ({ replicas }) => replicas === 1,
    );
    assert.equal(status.phase, "Pending");
    assert.equal(status["endpoint"], "http://chat.default.svc.cluster.local:8080/v1/chat/completions");
    const modelStatus = await untilTrue(
      "the Model's too",
      () => ground.statusOf("chat", "model"),
      ({ phase }) => phase === "Ready",
    );
    assert.equal(modelStatus["size"], "235.1 MiB");
    assert.match(JSON.stringify(modelStatus["gguf"]), /"architecture":"gemma3"/);
  });

  it("refuses before anything is scheduled what does not fit its budget, says what would, and goes on when it does", async () => {
    controller = await startController(cluster);
    await ground.apply(ground.model("tight", { memoryBudget: "256Mi" }), ground.service("tight"));
    const status = await untilTrue(
      "it is refused",
      () => ground.statusOf("tight"),
      (one) => one["schedulingStatus"] !== undefined,
    );
    assert.equal(status["schedulingStatus"], "InsufficientMemory");
    assert.match(
      String(status["schedulingMessage"]),
      /^estimated .* required, budget 256\.0 MiB \(absolute from CRD\).*What would fit: /,
    );
    assert.equal(status.phase, "Failed");
    await assert.rejects(cluster.kubectl(["get", "deployment", "tight"]), /NotFound/);
    const events = () => cluster.kubectl(["get", "events", "--field-selector=involvedObject.name=tight", "-o", "yaml"]);
    await untilTrue(
      "an event says so",
      events,
      (text) => /reason: InsufficientMemory/.test(text) && /What would fit/.test(text),
    );
    await ground.apply(ground.model("tight", { memoryBudget: "2Gi" }));
    await untilTrue(
      "there is a Deployment",
      () => ground.specOf("deployment", "tight"),
      ({ replicas }) => replicas === 1,
    );
    const after = await untilTrue(
      "the refusal is gone",
      () => ground.statusOf("tight"),
      (one) => one["schedulingStatus"] !== "InsufficientMemory",
    );
    assert.equal((await ground.accepted("tight"))?.status, "True", JSON.stringify(after));
  });

  it("takes back what waits for a Mac when the budget falls below the need, and recreates no pod when it is raised again", async () => {
    controller = await startController(cluster);
    const before = await ground.objectOf("deployment", "tight");
    await ground.apply(ground.model("tight", { memoryBudget: "128Mi" }));
    await untilTrue(
      "nothing waits",
      () => ground.specOf("deployment", "tight"),
      ({ replicas }) => replicas === 0,
    );
    await ground.apply(ground.model("tight", { memoryBudget: "3Gi" }));
    await untilTrue(
      "it waits again",
      () => ground.specOf("deployment", "tight"),
      ({ replicas }) => replicas === 1,
    );
    const template = ({ spec }: { spec: Readonly<Record<string, unknown>> }) => spec["template"];
    assert.deepEqual(template(await ground.objectOf("deployment", "tight")), template(before));
  });

  it("reads no header and writes nothing when it is restarted over settled services", async () => {
    controller = await startController(cluster);
    await ground.settledFor(3000);
    await controller.stop();
    const reads = weights.requests.length;
    const fromMs = cluster.audit.now();
    controller = await startController(cluster);
    await untilTrue(
      "it is up",
      () => controller?.lines.join("\n") ?? "",
      (text) => /are known/.test(text),
    );
    await sleep(4000);
    assert.deepEqual(await ground.writesSince(fromMs), []);
    assert.equal(weights.requests.length, reads);
  });

  it("follows the scale subresource and suspend, with a disruption budget while there are several", async () => {
    controller = await startController(cluster);
    await cluster.kubectl(["scale", "inferenceservice", "chat", "--replicas=3"]);
    await untilTrue(
      "three are wanted",
      () => ground.specOf("deployment", "chat"),
      ({ replicas }) => replicas === 3,
    );
    await untilTrue(
      "there is a budget",
      () => ground.specOf("pdb", "chat"),
      (spec) => spec["maxUnavailable"] === 1,
    );
    await cluster.kubectl(["scale", "inferenceservice", "chat", "--replicas=1"]);
    await untilTrue(
      "the budget is gone",
      () => cluster.kubectl(["get", "pdb", "-o", "name"]),
      (text) => !/chat/.test(text),
    );
    await ground.apply(ground.service("chat", { suspend: true, replicas: 1 }));
    await untilTrue(
      "none is wanted",
      () => ground.specOf("deployment", "chat"),
      ({ replicas }) => replicas === 0,
    );
    await untilTrue(
      "it says so",
      () => ground.statusOf("chat"),
      ({ phase }) => phase === "Suspended",
    );
    await ground.apply(ground.service("chat", { replicas: 0 }));
    await untilTrue(
      "it says so",
      () => ground.statusOf("chat"),
      ({ phase }) => phase === "Stopped",
    );
    await ground.apply(ground.service("chat", { replicas: 1 }));
    await untilTrue(
      "it is back",
      () => ground.specOf("deployment", "chat"),
      ({ replicas }) => replicas === 1,
    );
  });

  it("is scaled by an HPA, and does not work against it", async () => {
    controller = await startController(cluster);
    const selector = await untilTrue(
      "the pods are named",
      async () => (await ground.statusOf("chat"))["selector"],
      (text) => text !== undefined,
    );
    assert.equal(selector, "llmkube.dev/inference-service=chat");
    const scale = await cluster.kubectl([
      "get",
      "--raw",
      `/apis/${GROUP_VERSION}/namespaces/default/inferenceservices/chat/scale`,
    ]);
    assert.match(scale, /"selector":"llmkube.dev\/inference-service=chat"/);
    await cluster.kubectl(["autoscale", "inferenceservice", "chat", "--min=2", "--max=3"]);
    try {
      await untilTrue(
        "it raises the service",
        () => ground.specOf("inferenceservice", "chat"),
        ({ replicas }) => replicas === 2,
        {
          timeoutMs: 90_000,
        },
      );
      await untilTrue(
        "two are wanted",
        () => ground.specOf("deployment", "chat"),
        ({ replicas }) => replicas === 2,
      );
      await ground.settledFor(3000);
      assert.equal((await ground.specOf("inferenceservice", "chat"))["replicas"], 2);
      assert.equal((await ground.statusOf("chat"))["desiredReplicas"], 2);
    } finally {
      await cluster.kubectl(["delete", "hpa", "chat"]);
      await cluster.kubectl(["scale", "inferenceservice", "chat", "--replicas=1"]);
    }
  });

  it("puts right what somebody changed or deleted of its own", async () => {
    controller = await startController(cluster);
    await cluster.kubectl(["delete", "service", "chat"]);
    await untilTrue(
      "it is back",
      () => ground.specOf("service", "chat"),
      (spec) => spec["selector"] !== undefined,
    );
    const foreign = JSON.stringify([{ op: "replace", path: "/spec/replicas", value: 2 }]);
    await cluster.kubectl(["patch", "deployment", "chat", "--type=json", "-p", foreign]);
    await untilTrue(
      "one is wanted",
      () => ground.specOf("deployment", "chat"),
      ({ replicas }) => replicas === 1,
    );
    await cluster.kubectl([
      "patch",
      "inferenceservice",
      "chat",
      "--subresource=status",
      "--type=merge",
      "-p",
      '{"status":{"phase":"Ready"}}',
    ]);
    await untilTrue(
      "the phase is its own",
      () => ground.statusOf("chat"),
      ({ phase }) => phase === "Pending",
    );
  });

  it("says in the status what a ResourceQuota and a LimitRange of the namespace forbid", async () => {
    controller = await startController(cluster);
    const namespaces = ["full", "limited"];
    await ground.apply(
      ...namespaces.map((name) => ({ apiVersion: "v1", kind: "Namespace", metadata: { name } })),
      {
        apiVersion: "v1",
        kind: "ResourceQuota",
        metadata: { name: "q", namespace: "full" },
        spec: { hard: { "requests.memory": "100Mi" } },
      },
      {
        apiVersion: "v1",
        kind: "LimitRange",
        metadata: { name: "l", namespace: "limited" },
        spec: { limits: [{ type: "Pod", max: { memory: "100Mi" } }] },
      },
    );
    for (const namespace of namespaces)
      await ground.apply(ground.model("a", {}, namespace), ground.service("a", {}, namespace));
    const scheduling = async (namespace: string) =>
      String((await ground.statusOf("a", "inferenceservice", namespace))["schedulingStatus"]);
    await untilTrue(
      "the quota is named",
      () => scheduling("full"),
      (reason) => reason === "QuotaExceeded",
      { timeoutMs: 60_000 },
    );
    await untilTrue(
      "the LimitRange is",
      () => scheduling("limited"),
      (reason) => reason === "LimitRangeExceeded",
      { timeoutMs: 60_000 },
    );
  });

  it("says on each bad object what is wrong with it, and the others go on", async () => {
    controller = await startController(cluster, { ports: { first: 18_000, last: 18_003 } });
    const long = `a-name-of-more-than-63-characters-${"x".repeat(60)}`;
    await ground.apply(
      {
        apiVersion: "v1",
        kind: "Service",
        metadata: { name: "taken", namespace: "default" },
        spec: { ports: [{ port: 1 }] },
      },
      { apiVersion: "v1", kind: "Namespace", metadata: { name: "other" } },
      ground.model("elsewhere", {}, "other"),
      ground.model("good"),
      ground.manifest("Model", "on-a-mac", { source: "/models/a.gguf", hardware: { accelerator: "metal" } }),
      ground.manifest("Model", "gpu", { source: "https://example.com/a.gguf", hardware: { accelerator: "cuda" } }),
      ground.service("elsewhere"),
      ground.service("on-a-mac"),
      ground.service("gpu"),
      ground.service("taken", { modelRef: "good" }),
      ground.service(long, { modelRef: "good" }),
      ground.service("bad-args", { modelRef: "good", extraArgs: ["--model", "/etc/passwd"] }),
    );
    const huge = Array.from({ length: 10 }, () => ["--chat-template", "x".repeat(100_000)]).flat();
    await cluster.kubectl(["create", "-f", "-"], {
      input: [ground.service("huge", { modelRef: "good", extraArgs: huge })],
    });
    const refused: readonly (readonly [name: string, reason: string, says: RegExp])[] = [
      ["elsewhere", "ModelNotFound", /modelRef names Model default\/elsewhere, which does not exist/],
      ["on-a-mac", "MemoryCheckFailed", /is a path on a Mac, which the controller cannot read/],
      ["taken", "NameCollision", /needs the name taken for a Service of its own/],
      ["bad-args", "InvalidSpec", /extraArgs: "--model" is refused: set spec.source/],
      ["huge", "InvalidSpec", /"--chat-template" must have a value of at most 4096/],
    ];
    for (const [name, reason, says] of refused) {
      const condition = await untilTrue(
        `${name} is refused`,
        () => ground.accepted(name),
        (one) => one?.status === "False",
      );
      assert.equal(condition?.reason, reason);
      assert.match(condition?.message ?? "", says);
    }
    await untilTrue(
      "the long name is served",
      () => ground.accepted(long),
      (one) => one?.status === "True",
    );
    assert.match(await cluster.kubectl(["get", "deployment", "-o", "name"]), /deployment\.apps\/m-a-name-of-more-than/);
    assert.equal(Object.keys(await ground.statusOf("gpu")).length, 0);
    await cluster.kubectl([
      "delete",
      "inferenceservice",
      "elsewhere",
      "on-a-mac",
      "gpu",
      "taken",
      "bad-args",
      "huge",
      long,
    ]);
  });

  it("says that the ports are used up, on the service that gets none", async () => {
    controller = await startController(cluster, { ports: { first: 18_500, last: 18_500 } });
    await ground.apply(ground.service("one", { modelRef: "good" }));
    await untilTrue(
      "one has the port",
      () => ground.accepted("one"),
      (one) => one?.status === "True",
    );
    await ground.apply(ground.service("two", { modelRef: "good" }));
    const condition = await untilTrue(
      "two has none",
      () => ground.accepted("two"),
      (one) => one?.reason === "PortsUsedUp",
    );
    assert.match(condition?.message ?? "", /all 1 ports from 18500 to 18500 are given to other services/);
    await cluster.kubectl(["delete", "inferenceservice", "one", "two"]);
  });

  it("takes everything away from a service whose Model is not for Macs any more", async () => {
    controller = await startController(cluster);
    await untilTrue(
      "it is there",
      () => ground.accepted("tight"),
      (one) => one?.status === "True",
    );
    await ground.apply(ground.model("tight", { accelerator: "cuda" }));
    await untilTrue(
      "its objects are gone",
      () => cluster.kubectl(["get", "deployment,service", "-o", "name"]),
      (text) => !/tight/.test(text),
    );
    const status = await untilTrue(
      "so is what was said",
      () => ground.statusOf("tight"),
      ({ conditions = [] }) => conditions.length === 0,
    );
    assert.equal(status.phase, undefined);
  });
});
