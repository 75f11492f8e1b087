import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import * as z from "zod";
import { DEPLOYMENT_ANNOTATIONS, SERVICE_CONDITIONS } from "../../api/fleet.ts";
import type { TestServer } from "../gguf/range-server.ts";
import { type Cluster, CONTROL_PLANE_TIMEOUT_MS, startCluster } from "../support/cluster/cluster.ts";
import { model, service } from "../support/cluster/objects.ts";
import { untilTrue } from "../support/cluster/until.ts";
import { installController, type RunningController, serveWeights, startController } from "./support/running.ts";
import { addStandInMac, sayReady } from "./support/stand-in-mac.ts";

const podShape = z.object({
  items: z.array(
    z.object({
      metadata: z.object({ name: z.string(), uid: z.string() }),
      spec: z.object({
        nodeName: z.string().optional(),
        priorityClassName: z.string(),
        containers: z.tuple([z.object({ resources: z.object({ requests: z.object({ memory: z.string() }) }) })]),
      }),
    }),
  ),
});

const serviceShape = z.object({
  status: z.looseObject({
    phase: z.string().optional(),
    schedulingStatus: z.string().optional(),
    schedulingMessage: z.string().optional(),
    conditions: z.array(z.object({ type: z.string(), status: z.string(), message: z.string() })).default([]),
  }),
});

describe("the controller and pods on Macs", function () {
  this.timeout(CONTROL_PLANE_TIMEOUT_MS);
  let cluster: Cluster;
  let weights: TestServer;
  let controller: RunningController;

  before(async () => {
    [cluster, weights] = await Promise.all([startCluster({ nodeGraceSeconds: 900 }), serveWeights()]);
    await installController(cluster);
    await addStandInMac(cluster, "mac-small", 1);
    controller = await startController(cluster);
  });
  afterEach(function () {
    if (this.currentTest?.state === "failed") console.error(controller.lines.slice(-40).join("\n"));
  });
  after(async () => {
    await controller?.stop();
    await Promise.all([cluster?.stop(), weights?.stop()]);
  });

  const apply = (...objects: readonly object[]) => cluster.kubectl(["apply", "-f", "-"], { input: objects });
  const source = () => `${weights.origin}/m.gguf`;
  const podsOf = async (name: string) =>
    podShape.parse(await cluster.read("pods", "-l", `llmkube.dev/inference-service=${name}`)).items;
  const statusOf = async (name: string) => serviceShape.parse(await cluster.read("inferenceservice", name)).status;
  const conditionOf = async (name: string, type: string) =>
    (await statusOf(name)).conditions.find((one) => one.type === type);
  const bound = async (name: string) => {
    const pods = await untilTrue(
      "its pod is bound",
      () => podsOf(name),
      ([pod]) => pod?.spec.nodeName !== undefined,
    );
    assert.ok(pods[0] !== undefined);
    return pods[0];
  };

  it("says on which Mac a replica is, that it answers, and what its memory is", async () => {
    await apply(model({ name: "chat", source: source(), budget: "2Gi" }), service({ name: "chat", priority: "high" }));
    const pod = await bound("chat");
    assert.equal(pod.spec.priorityClassName, "llmkube-high");
    const scheduled = await untilTrue(
      "it says where",
      () => conditionOf("chat", SERVICE_CONDITIONS.scheduled),
      (one) => one?.status === "True",
    );
    assert.equal(scheduled?.message, "1 of 1 replicas are on mac-small");
    await sayReady(cluster, pod.metadata.name, "measured 600 MiB of 2 GiB");
    const status = await untilTrue(
      "it is Ready",
      () => statusOf("chat"),
      ({ phase }) => phase === "Ready",
    );
    const memory = status.conditions.find(({ type }) => type === SERVICE_CONDITIONS.withinBudget);
    assert.equal(memory?.message, "mac-small: measured 600 MiB of 2 GiB");
  });

  it("keeps what runs when its budget falls below its need, and schedules nothing anew", async () => {
    const before = await bound("chat");
    await apply(
      model({ name: "chat", source: source(), budget: "128Mi" }),
      service({ name: "chat", priority: "high", replicas: 2 }),
    );
    const status = await untilTrue(
      "it is refused",
      () => statusOf("chat"),
      (one) => one.schedulingStatus === "InsufficientMemory" && one.phase !== "Ready",
    );
    assert.equal(status.phase, "Progressing");
    await sleep(2000);
    assert.deepEqual(
      (await podsOf("chat")).map(({ metadata }) => metadata.uid),
      [before.metadata.uid],
    );
    await apply(model({ name: "chat", source: source(), budget: "2Gi" }), service({ name: "chat", priority: "high" }));
    await untilTrue(
      "it fits",
      () => statusOf("chat"),
      (one) => one.schedulingStatus === undefined,
    );
    assert.deepEqual(
      (await podsOf("chat")).map(({ metadata }) => metadata.uid),
      [before.metadata.uid],
    );
  });

  it("replaces a pod where its need changes, and says why: a pod on a Mac cannot be resized", async () => {
    const shape = z.object({ metadata: z.object({ annotations: z.record(z.string(), z.string()) }) });
    const { metadata } = shape.parse(await cluster.read("deployment", "chat"));
    const estimate = JSON.parse(metadata.annotations[DEPLOYMENT_ANNOTATIONS.estimate] ?? "{}");
    const moved = JSON.stringify({ ...estimate, totalBytes: 700_000_001 });
    const annotation = `${DEPLOYMENT_ANNOTATIONS.estimate}=${moved}`;
    await cluster.kubectl(["annotate", "deployment", "chat", "--overwrite", annotation]);
    const requests = async () => (await podsOf("chat")).map(({ spec }) => spec.containers[0].resources.requests.memory);
    await untilTrue("a pod requests that", requests, (all) => all.includes("700000001"));
    const messages = 'jsonpath={range .items[?(@.reason=="RollingOut")]}{.message}{"\\n"}{end}';
    const events = () => cluster.kubectl(["get", "events", "-o", messages]);
    const said = await untilTrue("an event says so", events, (text) => text !== "");
    assert.match(said, /^its pods are replaced: the memory that a replica needs changed from .* to 667\.5 MiB$/m);
  });

  it("refuses what no Mac holds, and schedules it when one joins that does", async () => {
    await apply(model({ name: "big", source: source(), fraction: 0.3 }), service({ name: "big" }));
    const status = await untilTrue(
      "it is refused",
      () => statusOf("big"),
      (one) => one.schedulingStatus === "InsufficientMemory",
    );
    assert.match(
      status.schedulingMessage ?? "",
      /\(1\.0 GiB total \* 30%\).* on mac-small, the only Mac\. .*What would fit/,
    );
    await addStandInMac(cluster, "mac-large", 16);
    assert.equal((await bound("big")).spec.nodeName, "mac-large");
  });

  it("translates why a replica has no Mac", async () => {
    await apply(model({ name: "third", source: source(), fraction: 0.9 }), service({ name: "third", replicas: 3 }));
    const status = await untilTrue(
      "it says why",
      () => statusOf("third"),
      (one) => /none of 2 nodes takes it/.test(one.schedulingMessage ?? ""),
    );
    assert.match(status.schedulingMessage ?? "", /Mac/);
  });

  it("says of a replica that waits on which Mac how much more, which context, or which priority would let it in", async () => {
    await cluster.kubectl(["delete", "inferenceservice", "third"]);
    await addStandInMac(cluster, "mac-alone", 1);
    const only = { nodeSelector: { "kubernetes.io/hostname": "mac-alone" } };
    const wide = model({ name: "wide", source: source(), budget: "2Gi" });
    await apply(wide, service({ name: "first", model: "wide", spec: only }));
    assert.equal((await bound("first")).spec.nodeName, "mac-alone");
    await apply(service({ name: "second", model: "wide", spec: only }));
    const status = await untilTrue(
      "it says what would help",
      () => statusOf("second"),
      (one) => /mac-alone has/.test(one.schedulingMessage ?? "") && /priority/.test(one.schedulingMessage ?? ""),
    );
    assert.match(
      status.schedulingMessage ?? "",
      /mac-alone has .* free, and would take it with .* more; .*with priority high it would displace default\/first-/,
    );
    const condition = status.conditions.find(({ type }) => type === SERVICE_CONDITIONS.scheduled);
    assert.ok(condition?.message.endsWith(status.schedulingMessage ?? "none"), condition?.message);
    // Another one that waits is no reason to write this one again.
    const version = async () =>
      (await cluster.read("inferenceservice", "second")) as { metadata: { resourceVersion: string } };
    const before = (await version()).metadata.resourceVersion;
    await apply(service({ name: "another", model: "wide", spec: only }));
    await untilTrue(
      "the other one waits too",
      () => statusOf("another"),
      (one) => /mac-alone has/.test(one.schedulingMessage ?? ""),
    );
    assert.equal((await version()).metadata.resourceVersion, before);
  });
});
