import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import * as z from "zod";
import { GROUP_VERSION } from "../../api/constants.ts";
import { SERVICE_CONDITIONS } from "../../api/fleet.ts";
import { CONTROLLER } from "../../cluster/names.ts";
import type { TestServer } from "../gguf/range-server.ts";
import { type Cluster, CONTROL_PLANE_TIMEOUT_MS, startCluster } from "../support/cluster/cluster.ts";
import { untilTrue } from "../support/cluster/until.ts";
import {
  CONTROLLER_USER,
  installController,
  type RunningController,
  serveWeights,
  startController,
} from "./support/running.ts";
import { startStandInOperator } from "./support/stand-in-operator.ts";

const objectShape = z.looseObject({
  spec: z.record(z.string(), z.unknown()).default({}),
  status: z
    .looseObject({
      phase: z.string().optional(),
      replicas: z.number().optional(),
      conditions: z
        .array(
          z.object({
            type: z.string(),
            status: z.string(),
            reason: z.string().optional(),
            message: z.string().optional(),
          }),
        )
        .optional(),
    })
    .default({}),
});

describe("the controller on a real control plane", function () {
  this.timeout(CONTROL_PLANE_TIMEOUT_MS);
  let cluster: Cluster;
  let weights: TestServer;
  let controller: RunningController | undefined;

  before(async () => {
    [cluster, weights] = await Promise.all([startCluster({ crds: false }), serveWeights()]);
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

  const apply = (...objects: readonly object[]) => cluster.kubectl(["apply", "-f", "-"], { input: objects });
  const manifest = (kind: string, name: string, spec: object, namespace = "default") => ({
    apiVersion: GROUP_VERSION,
    kind,
    metadata: { name, namespace },
    spec,
  });
  const model = (name: string, hardware: object = {}, namespace = "default") =>
    manifest(
      "Model",
      name,
      { source: `${weights.origin}/${name}.gguf`, hardware: { accelerator: "metal", ...hardware } },
      namespace,
    );
  const service = (name: string, spec: object = {}, namespace = "default") =>
    manifest("InferenceService", name, { modelRef: name, ...spec }, namespace);
  const objectOf = async (kind: string, name: string, namespace = "default") =>
    objectShape.parse(await cluster.read(kind, name, "-n", namespace));
  const statusOf = async (name: string, kind = "inferenceservice", namespace = "default") =>
    (await objectOf(kind, name, namespace)).status;
  const conditionOf = async (name: string, type: string, kind = "inferenceservice", namespace = "default") =>
    (await statusOf(name, kind, namespace)).conditions?.find((one) => one.type === type);
  const accepted = (name: string, namespace = "default") =>
    conditionOf(name, SERVICE_CONDITIONS.accepted, "inferenceservice", namespace);
  const specOf = async (kind: string, name: string) => (await objectOf(kind, name)).spec;
  const writesSince = async (fromMs: number) => {
    const requests = await cluster.audit.requests({ fromMs, user: CONTROLLER_USER });
    return requests.filter(({ verb }) => !["get", "list", "watch"].includes(verb));
  };
  const settledFor = async (milliseconds: number) => {
    let fromMs = cluster.audit.now();
    const quiet = async () => {
      if ((await writesSince(fromMs)).length > 0) fromMs = cluster.audit.now();
      return cluster.audit.now() - fromMs;
    };
    await untilTrue("the controller writes nothing more", quiet, (ms) => ms > milliseconds, { timeoutMs: 60_000 });
  };

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
    await apply(model("chat"), service("chat"));
    const names = () =>
      cluster.kubectl(["get", "deployment,service,secret", "-l", "llmkube.dev/inference-service=chat", "-o", "name"]);
    const made = await untilTrue("three objects are there", names, (text) => text.split("\n").length === 3);
    assert.match(made, /deployment\.apps\/chat\nservice\/chat\nsecret\/chat-api-key/);
    const status = await untilTrue(
      "a status is there",
      () => statusOf("chat"),
      ({ replicas }) => replicas === 1,
    );
    assert.equal(status.phase, "Pending");
    assert.equal(status["endpoint"], "http://chat.default.svc.cluster.local:8080/v1/chat/completions");
    const modelStatus = await untilTrue(
      "the Model's too",
      () => statusOf("chat", "model"),
      ({ phase }) => phase === "Ready",
    );
    assert.equal(modelStatus["size"], "235.1 MiB");
    assert.match(JSON.stringify(modelStatus["gguf"]), /"architecture":"gemma3"/);
  });

  it("refuses before anything is scheduled what does not fit its budget, says what would, and goes on when it does", async () => {
    controller = await startController(cluster);
    await apply(model("tight", { memoryBudget: "256Mi" }), service("tight"));
    const status = await untilTrue(
      "it is refused",
      () => statusOf("tight"),
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
    await apply(model("tight", { memoryBudget: "2Gi" }));
    await untilTrue(
      "there is a Deployment",
      () => specOf("deployment", "tight"),
      ({ replicas }) => replicas === 1,
    );
    const after = await untilTrue(
      "the refusal is gone",
      () => statusOf("tight"),
      (one) => one["schedulingStatus"] !== "InsufficientMemory",
    );
    assert.equal((await accepted("tight"))?.status, "True", JSON.stringify(after));
  });

  it("takes back what waits for a Mac when the budget falls below the need, and recreates no pod when it is raised again", async () => {
    controller = await startController(cluster);
    const before = await objectOf("deployment", "tight");
    await apply(model("tight", { memoryBudget: "128Mi" }));
    await untilTrue(
      "nothing waits",
      () => specOf("deployment", "tight"),
      ({ replicas }) => replicas === 0,
    );
    await apply(model("tight", { memoryBudget: "3Gi" }));
    await untilTrue(
      "it waits again",
      () => specOf("deployment", "tight"),
      ({ replicas }) => replicas === 1,
    );
    const template = ({ spec }: { spec: Readonly<Record<string, unknown>> }) => spec["template"];
    assert.deepEqual(template(await objectOf("deployment", "tight")), template(before));
  });

  it("reads no header and writes nothing when it is restarted over settled services", async () => {
    controller = await startController(cluster);
    await settledFor(3000);
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
    assert.deepEqual(await writesSince(fromMs), []);
    assert.equal(weights.requests.length, reads);
  });

  it("follows the scale subresource and suspend, with a disruption budget while there are several", async () => {
    controller = await startController(cluster);
    await cluster.kubectl(["scale", "inferenceservice", "chat", "--replicas=3"]);
    await untilTrue(
      "three are wanted",
      () => specOf("deployment", "chat"),
      ({ replicas }) => replicas === 3,
    );
    await untilTrue(
      "there is a budget",
      () => specOf("pdb", "chat"),
      (spec) => spec["maxUnavailable"] === 1,
    );
    await cluster.kubectl(["scale", "inferenceservice", "chat", "--replicas=1"]);
    await untilTrue(
      "the budget is gone",
      () => cluster.kubectl(["get", "pdb", "-o", "name"]),
      (text) => !/chat/.test(text),
    );
    await apply(service("chat", { suspend: true, replicas: 1 }));
    await untilTrue(
      "none is wanted",
      () => specOf("deployment", "chat"),
      ({ replicas }) => replicas === 0,
    );
    await untilTrue(
      "it says so",
      () => statusOf("chat"),
      ({ phase }) => phase === "Suspended",
    );
    await apply(service("chat", { replicas: 0 }));
    await untilTrue(
      "it says so",
      () => statusOf("chat"),
      ({ phase }) => phase === "Stopped",
    );
    await apply(service("chat", { replicas: 1 }));
    await untilTrue(
      "it is back",
      () => specOf("deployment", "chat"),
      ({ replicas }) => replicas === 1,
    );
  });

  it("is scaled by an HPA, and does not work against it", async () => {
    controller = await startController(cluster);
    const selector = await untilTrue(
      "the pods are named",
      async () => (await statusOf("chat"))["selector"],
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
        () => specOf("inferenceservice", "chat"),
        ({ replicas }) => replicas === 2,
        {
          timeoutMs: 90_000,
        },
      );
      await untilTrue(
        "two are wanted",
        () => specOf("deployment", "chat"),
        ({ replicas }) => replicas === 2,
      );
      await settledFor(3000);
      assert.equal((await specOf("inferenceservice", "chat"))["replicas"], 2);
      assert.equal((await statusOf("chat"))["desiredReplicas"], 2);
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
      () => specOf("service", "chat"),
      (spec) => spec["selector"] !== undefined,
    );
    const foreign = JSON.stringify([{ op: "replace", path: "/spec/replicas", value: 2 }]);
    await cluster.kubectl(["patch", "deployment", "chat", "--type=json", "-p", foreign]);
    await untilTrue(
      "one is wanted",
      () => specOf("deployment", "chat"),
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
      () => statusOf("chat"),
      ({ phase }) => phase === "Pending",
    );
  });

  it("says in the status what a ResourceQuota and a LimitRange of the namespace forbid", async () => {
    controller = await startController(cluster);
    const namespaces = ["full", "limited"];
    await apply(
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
    for (const namespace of namespaces) await apply(model("a", {}, namespace), service("a", {}, namespace));
    const scheduling = async (namespace: string) =>
      String((await statusOf("a", "inferenceservice", namespace))["schedulingStatus"]);
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
    await apply(
      {
        apiVersion: "v1",
        kind: "Service",
        metadata: { name: "taken", namespace: "default" },
        spec: { ports: [{ port: 1 }] },
      },
      { apiVersion: "v1", kind: "Namespace", metadata: { name: "other" } },
      model("elsewhere", {}, "other"),
      model("good"),
      manifest("Model", "on-a-mac", { source: "/models/a.gguf", hardware: { accelerator: "metal" } }),
      manifest("Model", "gpu", { source: "https://example.com/a.gguf", hardware: { accelerator: "cuda" } }),
      service("elsewhere"),
      service("on-a-mac"),
      service("gpu"),
      service("taken", { modelRef: "good" }),
      service(long, { modelRef: "good" }),
      service("bad-args", { modelRef: "good", extraArgs: ["--model", "/etc/passwd"] }),
    );
    const huge = Array.from({ length: 10 }, () => ["--chat-template", "x".repeat(100_000)]).flat();
    await cluster.kubectl(["create", "-f", "-"], { input: [service("huge", { modelRef: "good", extraArgs: huge })] });
    const refused: readonly (readonly [name: string, reason: string, says: RegExp])[] = [
      ["elsewhere", "ModelNotFound", /modelRef names Model default\/elsewhere, which does not exist/],
      ["on-a-mac", "MemoryCheckFailed", /is a path on a Mac, which the controller cannot read/],
      ["taken", "NameCollision", /needs the name taken for a Service of its own/],
      ["bad-args", "InvalidSpec", /extraArgs: "--model" is refused: set spec.source/],
      ["huge", "InvalidSpec", /the value of --chat-template must have at most 4096/],
    ];
    for (const [name, reason, says] of refused) {
      const condition = await untilTrue(
        `${name} is refused`,
        () => accepted(name),
        (one) => one?.status === "False",
      );
      assert.equal(condition?.reason, reason);
      assert.match(condition?.message ?? "", says);
    }
    await untilTrue(
      "the long name is served",
      () => accepted(long),
      (one) => one?.status === "True",
    );
    assert.match(await cluster.kubectl(["get", "deployment", "-o", "name"]), /deployment\.apps\/m-a-name-of-more-than/);
    assert.equal(Object.keys(await statusOf("gpu")).length, 0);
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
    await apply(service("one", { modelRef: "good" }));
    await untilTrue(
      "one has the port",
      () => accepted("one"),
      (one) => one?.status === "True",
    );
    await apply(service("two", { modelRef: "good" }));
    const condition = await untilTrue(
      "two has none",
      () => accepted("two"),
      (one) => one?.reason === "PortsUsedUp",
    );
    assert.match(condition?.message ?? "", /all 1 ports from 18500 to 18500 are given to other services/);
    await cluster.kubectl(["delete", "inferenceservice", "one", "two"]);
  });

  it("takes everything away from a service whose Model is not for Macs any more", async () => {
    controller = await startController(cluster);
    await untilTrue(
      "it is there",
      () => accepted("tight"),
      (one) => one?.status === "True",
    );
    await apply(model("tight", { accelerator: "cuda" }));
    await untilTrue(
      "its objects are gone",
      () => cluster.kubectl(["get", "deployment,service", "-o", "name"]),
      (text) => !/tight/.test(text),
    );
    const status = await untilTrue(
      "so is what was said",
      () => statusOf("tight"),
      ({ conditions = [] }) => conditions.length === 0,
    );
    assert.equal(status.phase, undefined);
  });

  it("leaves phase, readyReplicas and endpoint to LLMKube's operator where it is seen, without a war", async () => {
    await apply(model("shared"), service("shared"));
    const operator = await startStandInOperator(cluster);
    try {
      controller = await startController(cluster);
      await untilTrue(
        "both have written",
        () => statusOf("shared"),
        (status) =>
          status.phase === "Creating" &&
          status.conditions?.some(({ type }) => type === SERVICE_CONDITIONS.accepted) === true,
      );
      await settledFor(3000);
      const written = operator.writes();
      const fromMs = cluster.audit.now();
      await cluster.kubectl(["scale", "inferenceservice", "shared", "--replicas=2"]);
      await untilTrue(
        "both follow",
        () => statusOf("shared"),
        (status) => status["desiredReplicas"] === 2,
      );
      await settledFor(3000);
      const ours = (await writesSince(fromMs)).filter(({ resource }) => resource === "inferenceservices/status");
      assert.ok(ours.length <= 4, JSON.stringify(ours));
      assert.ok(operator.writes() - written <= 4, String(operator.writes() - written));
      const status = await statusOf("shared");
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
      () => specOf("deployment", "chat"),
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
      await apply(model("theirs"), service("theirs"));
      await untilTrue(
        "a status is there",
        () => accepted("theirs"),
        (one) => one?.status === "True",
      );
      // Kubernetes' own controllers may take half a minute to find the API server again that was away: till then its pod is not made.
      await untilTrue(
        "the scheduler has said that there is no Mac",
        () => conditionOf("theirs", SERVICE_CONDITIONS.scheduled),
        (one) => one?.reason === "Unschedulable",
        { timeoutMs: 90_000 },
      );
      await settledFor(3000);
      assert.equal((await statusOf("theirs"))["selector"], undefined);
      const refused = controller.lines.filter((line) => /selector|not declared in schema/.test(line));
      assert.deepEqual(refused, []);
      const told = await statusOf("theirs");
      await controller.stop();
      const fromMs = cluster.audit.now();
      controller = await startController(cluster);
      await sleep(5000);
      assert.deepEqual(await statusOf("theirs"), told);
      assert.deepEqual(await writesSince(fromMs), []);
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
    await apply(model("forbidden"), service("forbidden"));
    const told = await untilTrue(
      "the service says so",
      () => accepted("forbidden"),
      (one) => one?.reason === "Forbidden",
    );
    assert.match(told?.message ?? "", /cannot (create|patch) resource "deployments"/);
    await give(["get", "list", "watch", "create", "patch", "delete"]);
    await untilTrue(
      "it is made",
      () => accepted("forbidden"),
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
