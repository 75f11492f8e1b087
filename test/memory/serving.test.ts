import assert from "node:assert/strict";
import type { InferenceServiceSpec } from "../../api/inferenceservice.ts";
import type { ModelSpec } from "../../api/model.ts";
import { parseManifest } from "../../api/parse.ts";
import { servingSettings, uncountedModelParts } from "../../memory/serving.ts";

function serviceSpec(spec: object): InferenceServiceSpec {
  const parsed = parseManifest({
    apiVersion: "inference.llmkube.dev/v1alpha1",
    kind: "InferenceService",
    metadata: { name: "s" },
    spec: { modelRef: "m", ...spec },
  });
  if (!parsed.ok || parsed.value.kind !== "InferenceService") throw new Error(JSON.stringify(parsed));
  return parsed.value.spec;
}

function modelSpec(spec: object): ModelSpec {
  const parsed = parseManifest({
    apiVersion: "inference.llmkube.dev/v1alpha1",
    kind: "Model",
    metadata: { name: "m" },
    spec: { source: "/models/m.gguf", ...spec },
  });
  if (!parsed.ok || parsed.value.kind !== "Model") throw new Error(JSON.stringify(parsed));
  return parsed.value.spec;
}

describe("servingSettings", () => {
  it("defaults to LLMKube's context, one slot and an f16 cache", () => {
    assert.deepEqual(servingSettings(serviceSpec({}), "metal"), {
      ok: true,
      value: {
        backend: "metal",
        contextSize: 2048,
        parallel: 1,
        cacheTypeK: "f16",
        cacheTypeV: "f16",
        flashAttention: true,
        batchSize: 2048,
        ubatchSize: 512,
      },
    });
  });

  it("takes every typed field that moves memory", () => {
    const spec = {
      contextSize: 8192,
      parallelSlots: 4,
      cacheTypeK: "q8_0",
      cacheTypeV: "q4_0",
      flashAttention: true,
      batchSize: 256,
      uBatchSize: 64,
    };
    const settings = servingSettings(serviceSpec(spec), "cpu");
    assert.ok(settings.ok);
    assert.deepEqual(settings.value, {
      backend: "cpu",
      contextSize: 8192,
      parallel: 4,
      cacheTypeK: "q8_0",
      cacheTypeV: "q4_0",
      flashAttention: true,
      batchSize: 256,
      ubatchSize: 64,
    });
  });

  it("lets a custom cache type win, and refuses one that is not known", () => {
    const custom = servingSettings(serviceSpec({ cacheTypeK: "f16", cacheTypeCustomK: "bf16" }), "metal");
    assert.ok(custom.ok && custom.value.cacheTypeK === "bf16");
    const unknown = servingSettings(serviceSpec({ cacheTypeCustomV: "turbo3" }), "metal");
    assert.ok(!unknown.ok);
    assert.match(unknown.error, /^spec\.cacheTypeV is "turbo3": one of f32, f16, .* is expected$/);
  });

  const unserved: readonly object[] = [
    { speculativeDecoding: { type: "draft", draftModel: "d" } },
    { speculativeDecoding: { type: "ngram-simple" } },
    { ropeScaling: { type: "yarn" } },
    { moeCPUOffload: true },
    { moeCPULayers: 3 },
    { noKvOffload: true },
    { metadataOverrides: ["a=int:1"] },
    { tensorOverrides: ["exps=CPU"] },
  ];
  for (const spec of unserved) {
    it(`refuses ${JSON.stringify(spec)} by the field's name`, () => {
      const settings = servingSettings(serviceSpec(spec), "metal");
      assert.ok(!settings.ok);
      assert.equal(settings.error, `spec.${Object.keys(spec)[0]} is not supported yet: remove it`);
    });
  }

  it("does not mind what is switched off", () => {
    const off = { speculativeDecoding: { type: "none" }, moeCPUOffload: false, moeCPULayers: 0, noKvOffload: false };
    assert.ok(servingSettings(serviceSpec(off), "metal").ok);
  });
});

describe("uncountedModelParts", () => {
  it("has nothing to say of a plain gguf model", () => assert.equal(uncountedModelParts(modelSpec({})), undefined));
  it("names the projector", () =>
    assert.match(uncountedModelParts(modelSpec({ mmproj: "/p.gguf" })) ?? "", /spec\.mmproj/));
  it("names the format", () =>
    assert.match(uncountedModelParts(modelSpec({ format: "mlx" })) ?? "", /spec\.format is mlx/));
});
