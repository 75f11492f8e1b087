import assert from "node:assert/strict";
import { identityOf, isOfThisApi, meantKind } from "../../api/identity.ts";
import { modelManifest } from "../support/manifests.ts";

const GROUP = "inference.llmkube.dev";
const API = `${GROUP}/v1alpha1`;

describe("isOfThisApi", () => {
  const cases: ReadonlyArray<readonly [document: unknown, ours: boolean]> = [
    [modelManifest(), true],
    [{ apiVersion: `${GROUP}/v2`, kind: "Unheard" }, true],
    [{ apiVersion: GROUP, kind: "Model" }, true],
    [{ apiVersion: "v1", kind: "Namespace" }, false],
    [{ apiVersion: `${GROUP}elopment/v1`, kind: "Model" }, false],
    [{ apiVersion: "foreman.llmkube.dev/v1alpha1", kind: "Model" }, false],
    [{ apiVersion: "serving.kserve.io/v1beta1", kind: "InferenceService" }, false],
    [{ apiVersion: "inference.llmkube.io/v1alpha1", kind: "Model" }, true],
    [{ apiVersion: "inference.llmkube.io/v1alpha1", kind: "Gateway" }, false],
    [{ kind: "Model" }, true],
    [{ kind: "Namespace" }, false],
    [{ apiVersion: "inference.llmk" }, true],
    [{ apiVersion: null }, true],
    [{ apiVersion: "v2", name: "a Helm chart" }, false],
    [{ services: { web: {} } }, false],
    [{}, false],
    [null, false],
    [[modelManifest()], false],
    [API, false],
  ];
  for (const [document, ours] of cases) {
    const text = JSON.stringify(document);
    it(`${text.slice(0, 75)}: ${ours}`, () => assert.equal(isOfThisApi(document), ours));
  }
});

describe("meantKind", () => {
  const cases: ReadonlyArray<readonly [kind: unknown, meant: string | undefined]> = [
    ["Model", "Model"],
    ["InferenceService", "InferenceService"],
    ["Modle", "Model"],
    ["models", "Model"],
    ["inferenceservice", "InferenceService"],
    ...[
      "ModelRouter",
      "ModelPool",
      "GPUQuota",
      "LoRAAdapter",
      "InferenceServiceSet",
      "ModelList",
      "",
      7,
      undefined,
    ].map((kind) => [kind, undefined] as const),
    ["Model".repeat(2 ** 20), undefined],
  ];
  for (const [kind, meant] of cases) {
    it(`${String(kind).slice(0, 30)}: ${meant}`, () => assert.equal(meantKind(kind), meant));
  }
});

describe("identityOf", () => {
  const model = (metadata: unknown, kind: unknown = "Model") => ({ apiVersion: API, kind, metadata });
  const llama = { kind: "Model", namespace: "default", name: "llama" };
  const cases: ReadonlyArray<readonly [about: string, document: unknown, identity: unknown]> = [
    ["a name alone", model({ name: "llama" }), llama],
    ["a namespace of null", model({ name: "llama", namespace: null }), llama],
    ["another namespace", model({ name: "llama", namespace: "lab" }), { ...llama, namespace: "lab" }],
    ["another version", { ...model({ name: "llama" }), apiVersion: `${GROUP}/v1beta1` }, llama],
    ["a misspelt kind", model({ name: "llama" }, "Modle"), llama],
    ["a kind of which nothing is known", model({ name: "llama" }, "ModelRouter"), undefined],
    ["no name", model({ namespace: "lab" }), undefined],
    ["a name that no object has", model({ name: "Llama_3" }), undefined],
    ["a name of megabytes", model({ name: "a".repeat(2 ** 21) }), undefined],
    ["a name that YAML reads as a number", model({ name: 7 }), undefined],
    ["a namespace that is none", model({ name: "llama", namespace: ["lab"] }), undefined],
    ["no metadata", model(undefined), undefined],
    ["metadata that are a text", model("llama"), undefined],
    ["no object", "llama", undefined],
  ];
  for (const [about, document, identity] of cases) {
    it(about, () => assert.deepEqual(identityOf(document), identity));
  }
});
