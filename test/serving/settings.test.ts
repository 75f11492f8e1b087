import assert from "node:assert/strict";
import type { InferenceServiceSpec } from "../../api/inferenceservice.ts";
import type { ModelSpec } from "../../api/model.ts";
import { parseManifest } from "../../api/parse.ts";
import type { EstimateSettings } from "../../memory/estimate/types.ts";
import { draftSettings } from "../../memory/served.ts";
import { servingSettings, unservedModel } from "../../serving/settings.ts";
import { SETTINGS } from "../support/settings.ts";

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
        loadMode: "none",
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
      loadMode: "none",
    });
  });

  it("lets a custom cache type win, and refuses one that is not known", () => {
    const custom = servingSettings(serviceSpec({ cacheTypeK: "f16", cacheTypeCustomK: "bf16" }), "metal");
    assert.ok(custom.ok && custom.value.cacheTypeK === "bf16");
    const unknown = servingSettings(serviceSpec({ cacheTypeCustomV: "turbo3" }), "metal");
    assert.ok(!unknown.ok);
    assert.match(unknown.error, /^spec\.cacheTypeCustomV is "turbo3": one of f16, f32, .* is expected$/);
  });

  it("counts what is asked for beside the context", () => {
    const cases: readonly (readonly [spec: object, settings: Partial<EstimateSettings>])[] = [
      [{ ropeScaling: { type: "yarn", factor: "4" } }, { ropeScaling: "yarn" }],
      [{ moeCPUOffload: true }, { moeCpu: true }],
      [{ moeCPULayers: 3 }, { moeCpuLayers: 3 }],
      [{ speculativeDecoding: { type: "ngram-simple" } }, { draftTokens: 48 }],
      [{ speculativeDecoding: { type: "draft", draftModelRef: "small" } }, { draftTokens: 3 }],
      [{ speculativeDecoding: { type: "draft-simple", draftModelRef: "small", nDraftMax: 8 } }, { draftTokens: 8 }],
    ];
    const plain = servingSettings(serviceSpec({}), "metal");
    assert.ok(plain.ok);
    for (const [spec, settings] of cases) {
      assert.deepEqual(servingSettings(serviceSpec(spec), "metal"), {
        ok: true,
        value: { ...plain.value, ...settings },
      });
    }
  });

  const unserved: readonly (readonly [spec: object, says: RegExp])[] = [
    [{ speculativeDecoding: { type: "draft", draftModel: "d" } }, /draftModel is not supported: .* draftModelRef$/],
    [
      { speculativeDecoding: { type: "ngram-cache" } },
      /type ngram-cache is not supported, because its memory cannot be estimated: use draft-simple or ngram-/,
    ],
    [{ speculativeDecoding: { type: "mtp" } }, /type mtp is not supported, because its memory cannot be estimated/],
    [{ ropeScaling: { type: "longrope" } }, /spec\.ropeScaling\.type longrope .* use yarn or linear$/],
    [{ noKvOffload: true }, /spec\.noKvOffload is not supported, because .*: remove it$/],
    [{ metadataOverrides: ["a=int:1"] }, /spec\.metadataOverrides is not supported, because .*: remove it$/],
    [{ tensorOverrides: ["exps=CPU"] }, /spec\.tensorOverrides is not supported, because .*: remove it$/],
  ];
  for (const [spec, says] of unserved) {
    it(`refuses ${JSON.stringify(spec)} by the field's name`, () => {
      const settings = servingSettings(serviceSpec(spec), "metal");
      assert.ok(!settings.ok);
      assert.match(settings.error, says);
    });
  }

  it("does not mind what is switched off", () => {
    const off = { speculativeDecoding: { type: "none" }, moeCPUOffload: false, moeCPULayers: 0, noKvOffload: false };
    assert.ok(servingSettings(serviceSpec(off), "metal").ok);
  });
});

describe("unservedModel", () => {
  it("has nothing to say of a gguf model", () =>
    assert.equal(unservedModel(modelSpec({ mmproj: "/p.gguf" })), undefined));
  it("names the format", () => assert.match(unservedModel(modelSpec({ format: "mlx" })) ?? "", /spec\.format is mlx/));
});

describe("draftSettings", () => {
  it("are those of the model, with a cache in f16 and nothing drafted", () => {
    const settings = { ...SETTINGS, cacheTypeK: "q8_0", cacheTypeV: "q8_0", draftTokens: 3, cacheRamMiB: 9 } as const;
    assert.deepEqual(draftSettings(settings), SETTINGS);
  });
});
