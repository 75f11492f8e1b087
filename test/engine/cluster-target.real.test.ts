import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { PulumiFn, Stack } from "@pulumi/pulumi/automation/index.js";
import { GROUP_VERSION } from "../../api/constants.ts";
import { LlmModel, type LlmModelArgs, Model } from "../../components/index.ts";
import { type Cluster, startCluster } from "../support/cluster/cluster.ts";
import { untilTrue } from "../support/cluster/until.ts";
import { BUILD_TIMEOUT_MS, type Engine, inlineStack, startOfficialEngine } from "../support/pulumi.ts";

const CRDS = join(import.meta.dirname, "..", "..", "crds");
const DEFINITION = "crd/models.inference.llmkube.dev";
const SOURCE = "/models/chat.gguf";

/** What a person does with `target: cluster`, by the real engine and the official provider, on a real API server. */
describe("LlmModel with target cluster", function () {
  this.timeout(120_000);
  let engine: Engine;
  let cluster: Cluster;
  let administrator: string;
  let definitions: Stack;
  /** The stack of the test that runs; destroyed after it. */
  let latest: Stack | undefined;

  before(async function () {
    this.timeout(BUILD_TIMEOUT_MS);
    engine = await startOfficialEngine();
    cluster = await startCluster({ crds: false });
    administrator = await readFile(cluster.kubeconfigPath, "utf8");
    definitions = await inlineStack(engine, "definitions", async () => {
      const provider = new k8s.Provider("cluster", { kubeconfig: administrator });
      new k8s.yaml.v2.ConfigGroup("crds", { files: [join(CRDS, "*.yaml")] }, { provider });
    });
    await definitions.up();
  });
  afterEach(async () => {
    await latest?.destroy();
    latest = undefined;
  });
  after(async function () {
    this.timeout(60_000);
    await cluster?.stop();
    await engine?.close();
  });

  interface Options extends pulumi.ComponentResourceOptions {
    readonly kubeconfig?: string;
  }

  /** A stack of one LlmModel, which `change` gives other arguments. */
  async function modelStack(name: string, first: LlmModelArgs, options: Options = {}) {
    const { kubeconfig = administrator, ...opts } = options;
    let args = first;
    const program: PulumiFn = async () => {
      const provider = new k8s.Provider("cluster", { kubeconfig });
      const { serviceName } = new LlmModel(name, args, { provider, ...opts });
      return { service: pulumi.interpolate`${serviceName}` };
    };
    const stack = await inlineStack(engine, name, program);
    latest = stack;
    const change = (next: LlmModelArgs) => {
      args = next;
    };
    return { stack, change };
  }

  const jsonpath = (object: string, path: string) => cluster.kubectl(["get", object, "-o", `jsonpath={${path}}`]);
  const budget = (name: string) => jsonpath(`model/${name}`, ".spec.hardware.memoryBudget");
  const uid = (object: string) => jsonpath(object, ".metadata.uid");
  const models = () => cluster.kubectl(["get", "models,inferenceservices", "-A", "-o", "name"]);
  const both = (name: string) => `model.inference.llmkube.dev/${name}\ninferenceservice.inference.llmkube.dev/${name}`;
  const patch = (name: string, value: object, ...more: readonly string[]) =>
    cluster.kubectl(["patch", `model/${name}`, "--type=merge", "-p", JSON.stringify(value), ...more]);
  const setStatus = (name: string, status: object) => patch(name, { status }, "--subresource=status");

  it("has its definitions from a ConfigGroup, established", async () => {
    assert.match(await jsonpath(DEFINITION, ".status.conditions[?(@.type=='Established')].status"), /True/);
    assert.deepEqual(Object.keys((await definitions.preview()).changeSummary), ["same"]);
  });

  it("creates, updates in place, replaces where the name changes, and destroys", async () => {
    const args = { source: SOURCE, memoryBudget: "8Gi", serving: { contextSize: 4096 } };
    const { stack, change } = await modelStack("life", args);
    assert.deepEqual((await stack.preview()).changeSummary, { create: 5 });
    assert.equal(await models(), "");
    await stack.up();
    assert.equal(await models(), both("life"));
    assert.equal(await budget("life"), "8Gi");
    const first = await uid("model/life");

    change({ ...args, memoryBudget: "6Gi" });
    assert.deepEqual((await stack.preview()).changeSummary, { same: 4, update: 1 });
    await stack.up();
    assert.equal(await budget("life"), "6Gi");
    assert.equal(await uid("model/life"), first);

    change({ ...args, name: "other" });
    assert.deepEqual((await stack.up()).summary.resourceChanges, { same: 3, replace: 2 });
    assert.equal(await models(), both("other"));

    await stack.destroy();
    assert.equal(await models(), "");
  });

  it("sees in a refresh what another controller has changed, does not fight over it, and takes it back by force", async () => {
    const args = { source: SOURCE, memoryBudget: "8Gi" };
    const { stack, change } = await modelStack("drift", args);
    await stack.up();
    await patch("drift", { spec: { hardware: { memoryBudget: "9Gi" } } }, "--field-manager=autoscaler");
    assert.deepEqual((await stack.refresh()).summary.resourceChanges, { same: 3, update: 1 });
    await assert.rejects(stack.up(), /conflict with "autoscaler" using .*: \.spec\.hardware\.memoryBudget/);
    assert.equal(await budget("drift"), "9Gi");

    change({ ...args, annotations: { "pulumi.com/patchForce": "true" } });
    await stack.up();
    assert.equal(await budget("drift"), "8Gi");
  });

  it("keeps what another controller writes, but not a label that kubectl has set", async () => {
    const args = { source: SOURCE, memoryBudget: "8Gi" };
    const { stack, change } = await modelStack("shared", args);
    await stack.up();
    await cluster.kubectl(["label", "model/shared", "team=search", "--field-manager=inventory"]);
    await cluster.kubectl(["label", "model/shared", "mood=good"]);
    await setStatus("shared", { phase: "Ready" });
    assert.deepEqual((await stack.refresh()).summary.resourceChanges, { same: 4 });

    change({ ...args, memoryBudget: "7Gi" });
    await stack.up();
    assert.equal(await budget("shared"), "7Gi");
    // The provider takes the fields of kubectl's own field managers over, so that what was applied by hand can be adopted.
    assert.equal(await jsonpath("model/shared", ".metadata.labels"), '{"team":"search"}');
    assert.equal(await jsonpath("model/shared", ".status.phase"), "Ready");
  });

  it("takes over by import what is there already", async () => {
    const spec = { source: SOURCE, hardware: { accelerator: "metal", memoryBudget: "8Gi" } };
    const metadata = { name: "adopted", namespace: "default" };
    const input = [{ apiVersion: GROUP_VERSION, kind: "Model", metadata, spec }];
    await cluster.kubectl(["apply", "--server-side", "-f", "-"], { input });
    const before = await uid("model/adopted");
    const imported: pulumi.ResourceTransform = ({ type, props, opts }) =>
      type === Model.__pulumiType ? { props, opts: { ...opts, import: "default/adopted" } } : undefined;
    const args = { source: SOURCE, memoryBudget: "8Gi" };
    const { stack } = await modelStack("adopted", args, { transforms: [imported] });
    assert.equal((await stack.up()).summary.resourceChanges?.import, 1);
    assert.equal(await uid("model/adopted"), before);
  });

  it("waits for Ready where the annotation says so", async () => {
    const annotations = { "pulumi.com/waitFor": "condition=Ready", "pulumi.com/timeoutSeconds": "60" };
    const { stack } = await modelStack("patient", { source: SOURCE, annotations });
    const ready = { type: "Ready", status: "True", reason: "Test", message: "", lastTransitionTime: new Date(0) };
    let isReady = false;
    const [wasReady] = await Promise.all([
      stack.up().then(() => isReady),
      untilTrue("the Model is there", () => uid("model/patient"), Boolean).then(() => {
        isReady = true;
        return setStatus("patient", { conditions: [ready] });
      }),
    ]);
    assert.equal(wasReady, true);
  });

  it("says after the timeout which object did not become ready, and keeps it", async () => {
    const annotations = { "pulumi.com/waitFor": "condition=Ready", "pulumi.com/timeoutSeconds": "2" };
    const { stack } = await modelStack("late", { source: SOURCE, annotations });
    await assert.rejects(stack.up(), /Model::late" was successfully created, but .* timed out waiting/);
    assert.match(await models(), /^model\S*\/late$/);
  });

  it("says what a kubeconfig without rights may not do", async () => {
    const kubeconfig = await readFile(await cluster.asServiceAccount("default", "default"), "utf8");
    const { stack } = await modelStack("denied", { source: SOURCE }, { kubeconfig });
    const words = /models\.inference\.llmkube\.dev .*is forbidden: User "system:serviceaccount:default:default"/;
    await assert.rejects(stack.up(), words);
  });

  it("takes its definitions away at last", async () => {
    assert.equal(await models(), "");
    await definitions.destroy();
    await assert.rejects(cluster.kubectl(["get", DEFINITION]), /not found/);
  });
});
