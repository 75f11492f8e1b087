import assert from "node:assert/strict";
import * as z from "zod";
import { GROUP_VERSION } from "../../api/constants.ts";
import type { TestServer } from "../gguf/range-server.ts";
import { type Cluster, CONTROL_PLANE_TIMEOUT_MS, startCluster } from "../support/cluster/cluster.ts";
import { untilTrue } from "../support/cluster/until.ts";
import { installController, type RunningController, serveWeights, startController } from "./support/running.ts";

const serviceShape = z.looseObject({ status: z.record(z.string(), z.unknown()).default({}) });

describe("the controller on a real control plane", function () {
  this.timeout(CONTROL_PLANE_TIMEOUT_MS);
  let cluster: Cluster;
  let weights: TestServer;
  let controller: RunningController | undefined;

  before(async () => {
    [cluster, weights] = await Promise.all([startCluster(), serveWeights()]);
    await installController(cluster);
  });
  afterEach(async function () {
    if (this.currentTest?.state === "failed") console.error(controller?.lines.join("\n"));
    await controller?.stop();
    controller = undefined;
  });
  after(async () => {
    await Promise.all([cluster?.stop(), weights?.stop()]);
  });

  const apply = (...objects: readonly object[]) => cluster.kubectl(["apply", "-f", "-"], { input: objects });
  const manifest = (kind: string, name: string, spec: object) => ({
    apiVersion: GROUP_VERSION,
    kind,
    metadata: { name, namespace: "default" },
    spec,
  });
  const model = (name: string, spec: object = {}) =>
    manifest("Model", name, { source: `${weights.origin}/${name}.gguf`, hardware: { accelerator: "metal" }, ...spec });
  const service = (name: string, spec: object = {}) => manifest("InferenceService", name, { modelRef: name, ...spec });
  const statusOf = async (name: string, kind = "inferenceservice") =>
    serviceShape.parse(await cluster.read(kind, name)).status;

  it("makes Deployment, Service and Secret of an InferenceService, and writes both statuses", async () => {
    controller = await startController(cluster);
    await apply(model("chat"), service("chat"));
    const names = () =>
      cluster.kubectl(["get", "deployment,service,secret", "-l", "llmkube.dev/inference-service=chat", "-o", "name"]);
    const made = await untilTrue("three objects are there", names, (text) => text.split("\n").length === 3);
    assert.match(made, /deployment\.apps\/chat\nservice\/chat\nsecret\/chat-api-key/);
    const status = await untilTrue("a status is there", () => statusOf("chat"), ({ replicas }) => replicas === 1);
    assert.equal(status["phase"], "Pending");
    const modelStatus = await statusOf("chat", "model");
    assert.equal(modelStatus["phase"], "Ready");
  });
});
