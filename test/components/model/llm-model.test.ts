import assert from "node:assert/strict";
import * as pulumi from "@pulumi/pulumi";
import { parseManifest } from "../../../api/parse.ts";
import { LlmModel, type LlmModelArgs } from "../../../components/index.ts";
import { Pending, registered } from "../mocked.ts";
import { EVERY_SETTING } from "./every-setting.ts";

const SOURCE = "hf://org/repo/model.gguf";

describe("LlmModel", () => {
  it("is a Model alone where serving is left out", async () => {
    const { resources, outputs } = await registered(() => outputsOf(new LlmModel("gemma", { source: SOURCE })));
    assert.deepEqual(resources, [
      { type: "llmkube:index:LlmModel", name: "gemma", inputs: { source: SOURCE } },
      {
        type: "kubernetes:inference.llmkube.dev/v1alpha1:Model",
        name: "gemma",
        inputs: {
          apiVersion: "inference.llmkube.dev/v1alpha1",
          kind: "Model",
          metadata: { name: "gemma", namespace: "default" },
          spec: { source: SOURCE, hardware: { accelerator: "metal" } },
        },
      },
    ]);
    assert.deepEqual(outputs, {
      modelName: "gemma",
      serviceName: undefined,
      namespace: "default",
      endpoint: undefined,
    });
  });

  it("is served with the defaults where serving is empty", async () => {
    const { resources, outputs } = await registered(() =>
      outputsOf(new LlmModel("gemma", { source: SOURCE, serving: {} })),
    );
    assert.deepEqual(resources[2], {
      type: "kubernetes:inference.llmkube.dev/v1alpha1:InferenceService",
      name: "gemma",
      inputs: {
        apiVersion: "inference.llmkube.dev/v1alpha1",
        kind: "InferenceService",
        metadata: { name: "gemma", namespace: "default" },
        spec: { modelRef: "gemma" },
      },
    });
    assert.deepEqual(outputs, {
      modelName: "gemma",
      serviceName: "gemma",
      namespace: "default",
      endpoint: "http://gemma.default.svc.cluster.local:8080/v1",
    });
  });

  it("passes every argument on, and what it makes are valid manifests", async () => {
    const { resources, outputs } = await registered(() => outputsOf(new LlmModel("gemma", EVERYTHING)));
    const [, model, service] = resources.map(({ inputs }) => inputs);
    const metadata = { name: "g3", namespace: "lab", labels: { team: "a" }, annotations: { note: "b" } };
    assert.deepEqual(model, {
      apiVersion: "inference.llmkube.dev/v1alpha1",
      kind: "Model",
      metadata,
      spec: {
        source: SOURCE,
        sha256: "0".repeat(64),
        format: "gguf",
        quantization: "Q8_0",
        hardware: { accelerator: "cpu", memoryBudget: "512Mi", memoryFraction: 0.5, gpu: { layers: -1 } },
      },
    });
    assert.deepEqual(service, {
      apiVersion: "inference.llmkube.dev/v1alpha1",
      kind: "InferenceService",
      metadata: {
        ...metadata,
        annotations: {
          "llmkube.dev/idle-unload": "never",
          "llmkube.dev/model-aliases": "gpt-4o,org/repo:Q4",
          "llmkube.dev/prompt-cache": "2Gi",
          "llmkube.dev/saved-slots": "off",
          note: "b",
        },
      },
      spec: {
        modelRef: "g3",
        contextSize: 4096,
        parallelSlots: 2,
        cacheTypeK: "q8_0",
        cacheTypeV: "q8_0",
        flashAttention: true,
        batchSize: 1024,
        uBatchSize: 256,
        replicas: 2,
        priority: "high",
        evictionProtection: true,
        jinja: true,
        extraArgs: ["--temp", "0.7"],
        speculativeDecoding: { type: "draft-simple", draftModelRef: "small", nDraftMax: 8 },
        endpoint: { port: 9000 },
      },
    });
    for (const manifest of [model, service]) {
      const parsed = parseManifest(manifest);
      assert.ok(parsed.ok, parsed.ok ? "" : parsed.error);
    }
    assert.deepEqual(outputs, {
      modelName: "g3",
      serviceName: "g3",
      namespace: "lab",
      endpoint: "http://127.0.0.1:9000/v1",
    });
  });

  it("gives its children", async () => {
    const { outputs } = await registered(() => {
      const served = new LlmModel("gemma", { source: SOURCE, serving: {} });
      const alone = new LlmModel("alone", { source: SOURCE });
      return { model: served.model?.kind, service: served.service?.kind, none: alone.service === undefined };
    });
    assert.deepEqual(outputs, { model: "Model", service: "InferenceService", none: true });
  });

  it("makes the service wait for its Model, so that a refused Model is not served", async () => {
    const slow = { source: Promise.resolve(SOURCE), serving: {} };
    const { resources } = await registered(() => outputsOf(new LlmModel("gemma", slow)));
    const kinds = resources.map(({ inputs }) => inputs["kind"]);
    assert.deepEqual(kinds, [undefined, "Model", "InferenceService"]);
  });

  it("takes outputs that are not known yet, and keeps the known values visible in a preview", async () => {
    const program = () => {
      const { value } = new Pending("other");
      const args = {
        source: value,
        memoryBudget: pulumi.output("1Gi"),
        labels: { a: "b", c: value },
        serving: { contextSize: Promise.resolve(4096), jinja: value.apply(Boolean) },
      };
      new LlmModel("gemma", args);
    };
    const { resources } = await registered(program, "preview");
    const specs = resources.filter(({ type }) => type.startsWith("kubernetes:")).map(({ inputs }) => inputs["spec"]);
    const unknown = { __pulumiUnknown: true };
    assert.deepEqual(JSON.parse(JSON.stringify(specs)), [
      { source: unknown, hardware: { accelerator: "metal", memoryBudget: "1Gi" } },
      { modelRef: "gemma", contextSize: 4096, jinja: unknown },
    ]);
  });

  it("creates nothing where it is read by its URN", async () => {
    const urn = "urn:pulumi:stack::project::llmkube:index:LlmModel::gemma";
    const { resources } = await registered(() => {
      const { model, service } = new LlmModel("gemma", { source: SOURCE, serving: {} }, { urn });
      assert.deepEqual([model, service], [undefined, undefined]);
    });
    assert.deepEqual(resources, []);
  });

  it("refuses a bad value at once, in one sentence without a stack", async () => {
    const made = registered(() => {
      new LlmModel("gemma", { source: SOURCE, memoryBudget: "24GB" });
    });
    await assert.rejects(made, (error) => {
      assert.ok(pulumi.ResourceError.isInstance(error) && error.hideStack);
      const sentence = "it must be a quantity of bytes: a number with a Kubernetes suffix, for example 24Gi";
      assert.equal(error.message, `LlmModel gemma: memoryBudget is "24GB"; ${sentence}`);
      return true;
    });
  });

  it("refuses a name of the component that Kubernetes does not take", async () => {
    const made = registered(() => {
      new LlmModel("Gemma_3", { source: SOURCE });
    });
    await assert.rejects(made, {
      message:
        "LlmModel Gemma_3: name is \"Gemma_3\"; it must be at most 253 lower case letters, digits, '-' and '.'," +
        " starting and ending with a letter or digit, for example llama-3-8b;" +
        " the name of the component is taken where name is not set",
    });
  });
});

const EVERYTHING = {
  source: SOURCE,
  sha256: "0".repeat(64),
  format: "gguf",
  quantization: "Q8_0",
  memoryBudget: "512Mi",
  memoryFraction: 0.5,
  accelerator: "cpu",
  gpuLayers: -1,
  name: "g3",
  namespace: "lab",
  labels: { team: "a" },
  annotations: { note: "b" },
  endpointHost: "127.0.0.1",
  serving: EVERY_SETTING,
} satisfies LlmModelArgs;

function outputsOf({ modelName, serviceName, namespace, endpoint }: LlmModel) {
  return { modelName, serviceName, namespace, endpoint };
}
