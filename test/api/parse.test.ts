import assert from "node:assert/strict";
import { parseManifest } from "../../api/parse.ts";
import { goodManifests, modelManifest, serviceManifest } from "../support/manifests.ts";

function errorOf(document: unknown): string {
  const parsed = parseManifest(document);
  assert.ok(!parsed.ok, "was accepted");
  return parsed.error;
}

const hardware = (fields: object) => modelManifest({ hardware: fields });
const without = (manifest: object, field: string) =>
  Object.fromEntries(Object.entries(manifest).filter(([key]) => key !== field));

const SOURCE_EXPECTED =
  "a URL (https, http, file, hf, s3 or pvc), an absolute path without spaces or the name of a repository," +
  " for example hf://org/repo/model.gguf";

describe("parseManifest refuses with one sentence", () => {
  const cases: ReadonlyArray<readonly [about: string, document: unknown, error: string]> = [
    [
      "a misspelt budget",
      hardware({ memoryBudgt: "24Gi" }),
      "Model default/llama: spec.hardware.memoryBudgt is not a field; did you mean memoryBudget?",
    ],
    [
      "a budget in another letter case",
      hardware({ memorybudget: "24Gi" }),
      "Model default/llama: spec.hardware.memorybudget is not a field; did you mean memoryBudget?",
    ],
    [
      "a budget in the wrong place",
      modelManifest({ memoryBudget: "24Gi" }),
      "Model default/llama: spec.memoryBudget is not a field; did you mean spec.hardware.memoryBudget?",
    ],
    [
      "a budget in the wrong place and another letter case",
      modelManifest({ memorybudget: "24Gi" }),
      "Model default/llama: spec.memorybudget is not a field; did you mean spec.hardware.memoryBudget?",
    ],
    [
      "24GB",
      hardware({ memoryBudget: "24GB" }),
      'Model default/llama: spec.hardware.memoryBudget is "24GB"; it must be a quantity of bytes: a number with a' +
        " Kubernetes suffix, for example 24Gi",
    ],
    [
      "16 gb, with the quantity that was meant",
      hardware({ memoryBudget: "16 gb" }),
      'Model default/llama: spec.hardware.memoryBudget is "16 gb"; it must be a quantity of bytes: a number with a' +
        " Kubernetes suffix, for example 16Gi",
    ],
    [
      "an empty budget",
      hardware({ memoryBudget: "" }),
      'Model default/llama: spec.hardware.memoryBudget is ""; it must be a quantity of bytes: a number with a' +
        " Kubernetes suffix, for example 24Gi",
    ],
    [
      "0",
      hardware({ memoryBudget: "0" }),
      'Model default/llama: spec.hardware.memoryBudget is "0"; it must be above 0, for example 24Gi',
    ],
    [
      "-8Gi",
      hardware({ memoryBudget: "-8Gi" }),
      'Model default/llama: spec.hardware.memoryBudget is "-8Gi"; it must be above 0, for example 24Gi',
    ],
    [
      "1e400",
      hardware({ memoryBudget: "1e400" }),
      'Model default/llama: spec.hardware.memoryBudget is "1e400"; it must be at most 1Ei, for example 24Gi',
    ],
    [
      "a budget one byte above the most",
      hardware({ memoryBudget: "1152921504606846977" }),
      'Model default/llama: spec.hardware.memoryBudget is "1152921504606846977"; it must be at most 1Ei, for example 24Gi',
    ],
    [
      "a budget far below 0",
      hardware({ memoryBudget: "-1e400" }),
      'Model default/llama: spec.hardware.memoryBudget is "-1e400"; it must be above 0, for example 24Gi',
    ],
    [
      "an exponent of four digits, which no server should compute",
      hardware({ memoryBudget: "1e-99999" }),
      'Model default/llama: spec.hardware.memoryBudget is "1e-99999"; it must be a quantity of bytes: a number with a' +
        " Kubernetes suffix, for example 24Gi",
    ],
    [
      "a budget of more than 32 characters",
      hardware({ memoryBudget: "0".repeat(32).concat("1") }),
      'Model default/llama: spec.hardware.memoryBudget is "000000000000000000000000000000001"; it must have at most 32' +
        " characters",
    ],
    [
      "a budget that YAML reads as a number",
      hardware({ memoryBudget: 24 }),
      "Model default/llama: spec.hardware.memoryBudget is 24, a number; it must be a Kubernetes quantity of bytes above 0" +
        " and at most 1Ei, for example 24Gi, in quotes",
    ],
    ...[0, 1.5, Number.NaN, Number.POSITIVE_INFINITY, -0.5].map(
      (fraction) =>
        [
          `fraction ${fraction}`,
          hardware({ memoryFraction: fraction }),
          `Model default/llama: spec.hardware.memoryFraction is ${fraction}; it must be a number above 0 and at most 1,` +
            " for example 0.75",
        ] as const,
    ),
    [
      "a missing modelRef",
      serviceManifest({ modelRef: undefined }),
      "InferenceService default/chat: spec.modelRef is missing; it must be text, for example llama-3-8b",
    ],
    [
      "a missing source",
      modelManifest({ source: null }),
      `Model default/llama: spec.source is missing; it must be ${SOURCE_EXPECTED}`,
    ],
    [
      "a source that is none, without its password",
      modelManifest({ source: "ftp://me:secret@host/a" }),
      `Model default/llama: spec.source is "ftp://…@host/a"; it must be ${SOURCE_EXPECTED}`,
    ],
    [
      "a context below the least",
      serviceManifest({ contextSize: 64 }),
      "InferenceService default/chat: spec.contextSize is 64; it must be a whole number from 128 to 2097152",
    ],
    [
      "a context in quotes",
      serviceManifest({ contextSize: "8192" }),
      'InferenceService default/chat: spec.contextSize is "8192"; it must be a whole number from 128 to 2097152',
    ],
    [
      "a cache type that does not exist",
      serviceManifest({ cacheTypeK: "q9_0" }),
      'InferenceService default/chat: spec.cacheTypeK is "q9_0"; it must be one of f16, f32, q8_0, q4_0, q4_1, q5_0, q5_1,' +
        " iq4_nl",
    ],
    [
      "a rule across fields",
      serviceManifest({ slo: { objective: "99.9", indicator: "latency" } }),
      "InferenceService default/chat: spec.slo: indicator latency needs latencyThreshold",
    ],
    [
      "a misspelt required field, said once",
      serviceManifest({ modelRef: undefined, modelref: "llama" }),
      "InferenceService default/chat: spec.modelref is not a field; did you mean modelRef? (and 1 more problem)",
    ],
    [
      "a path through a list and a key that is no word",
      modelManifest({ files: ["a", 7] }),
      "Model default/llama: spec.files[1] is 7, a number; it must be text, in quotes",
    ],
    [
      "a label value that the API server would refuse",
      { ...modelManifest(), metadata: { name: "llama", labels: { "example.com/team": "a b" } } },
      "Model default/llama: metadata.labels[\"example.com/team\"] is \"a b\"; it must be at most 63 letters, digits, '-', '_'" +
        " and '.', starting and ending with a letter or digit",
    ],
    [
      "a name that Kubernetes has not",
      { ...modelManifest(), metadata: { name: "Llama_3" } },
      "Model default/Llama_3: metadata.name is \"Llama_3\"; it must be at most 253 lower case letters, digits, '-' and '.'," +
        " starting and ending with a letter or digit, for example llama-3-8b",
    ],
    [
      "no metadata",
      without(modelManifest(), "metadata"),
      "Model without a name: metadata is missing; it must be an object with name",
    ],
    [
      "no spec",
      without(modelManifest(), "spec"),
      "Model default/llama: spec is missing; it must be an object with source",
    ],
    [
      "an unknown kind",
      { ...modelManifest(), kind: "Modle" },
      'Modle default/llama: kind is "Modle"; it must be Model or InferenceService; did you mean Model?',
    ],
    [
      "a kind of somebody else",
      { ...modelManifest(), kind: "Deployment", metadata: { name: "a\nb", namespace: "lab" } },
      'Deployment lab/"a\\nb": kind is "Deployment"; it must be Model or InferenceService',
    ],
    [
      "another version",
      { ...modelManifest(), apiVersion: "inference.llmkube.dev/v1" },
      'Model default/llama: apiVersion is "inference.llmkube.dev/v1"; it must be inference.llmkube.dev/v1alpha1',
    ],
    [
      "no version",
      without(modelManifest(), "apiVersion"),
      "Model default/llama: apiVersion is missing; it must be inference.llmkube.dev/v1alpha1",
    ],
    ...[
      ["nothing", undefined, "empty"] as const,
      ["null", null, "empty"] as const,
      ["text", "kind: Model", '"kind: Model"'] as const,
      ["a list", [modelManifest()], "a list"] as const,
    ].map(
      ([about, document, held]) =>
        [
          about,
          document,
          `A document is ${held}; it must be a manifest, an object with apiVersion, kind, metadata and spec`,
        ] as const,
    ),
  ];
  for (const [about, document, error] of cases) it(about, () => assert.equal(errorOf(document), error));
});

describe("parseManifest accepts", () => {
  for (const [name, manifest] of goodManifests()) {
    it(name, () => {
      const parsed = parseManifest(manifest);
      assert.ok(parsed.ok, parsed.ok ? "" : parsed.error);
    });
  }

  for (const budget of [
    "24Gi",
    "100m",
    "1",
    ".5Gi",
    "5.Gi",
    "+1Gi",
    "1e9",
    "1E",
    "1Ei",
    "1n",
    "0.000000000000000000000001",
  ]) {
    it(`budget ${budget}`, () => assert.ok(parseManifest(hardware({ memoryBudget: budget })).ok));
  }

  for (const fraction of [Number.MIN_VALUE, 0.75, 1]) {
    it(`fraction ${fraction}`, () => assert.ok(parseManifest(hardware({ memoryFraction: fraction })).ok));
  }

  it("what is written and adds the defaults of the API server", () => {
    const parsed = parseManifest(serviceManifest({ endpoint: {} }));
    assert.deepEqual(parsed, {
      ok: true,
      value: {
        apiVersion: "inference.llmkube.dev/v1alpha1",
        kind: "InferenceService",
        metadata: { name: "chat", namespace: "default" },
        spec: {
          modelRef: "llama",
          runtime: "llamacpp",
          replicas: 1,
          suspend: false,
          priority: "normal",
          endpoint: { port: 8080, path: "/v1/chat/completions", type: "ClusterIP" },
        },
      },
    });
  });

  it("null in a known field as absent, as the API server does, and anywhere else as it is", () => {
    const affinity = { podAffinity: null };
    const parsed = parseManifest(serviceManifest({ affinity, jinja: null }));
    assert.deepEqual(parsed, parseManifest(serviceManifest({ affinity })));
    assert.ok(parsed.ok && parsed.value.kind === "InferenceService");
    assert.deepEqual(parsed.value.spec.affinity, affinity);
    assert.match(errorOf(hardware({ memoryBudgt: null })), /memoryBudgt is not a field/);
  });

  it("the empty fields of manifests that tools write", () => {
    const document = { ...hardware({ gpu: null }), metadata: { name: "llama", creationTimestamp: null }, status: null };
    assert.deepEqual(parseManifest(document), parseManifest(hardware({})));
  });
});
