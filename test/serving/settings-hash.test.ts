import assert from "node:assert/strict";
import fc from "fast-check";
import { type InferenceService, inferenceServiceSpecSchema } from "../../api/inferenceservice.ts";
import { type Model, modelSpecSchema } from "../../api/model.ts";
import { ON_DEMAND_ANNOTATIONS } from "../../api/on-demand.ts";
import { parseManifest } from "../../api/parse.ts";
import { fieldPaths, pathText } from "../../api/schema-walk.ts";
import { settingsHash } from "../../serving/settings-hash.ts";
import { manifests } from "../support/crd-arbitrary.ts";
import { modelManifest, serviceManifest } from "../support/manifests.ts";

type Change = readonly [before: object, after: object];

/** Fields of InferenceService.spec that need another server process, and a change of each. */
const SERVICE_IN: Readonly<Record<string, Change>> = {
  mode: [{}, { mode: "embedding" }],
  contextSize: [{}, { contextSize: 4096 }],
  "ropeScaling.type": [{ ropeScaling: { type: "yarn" } }, { ropeScaling: { type: "linear" } }],
  "ropeScaling.factor": [{ ropeScaling: { type: "yarn" } }, { ropeScaling: { type: "yarn", factor: "4" } }],
  "ropeScaling.originalContext": [
    { ropeScaling: { type: "yarn" } },
    { ropeScaling: { type: "yarn", originalContext: 8192 } },
  ],
  parallelSlots: [{ parallelSlots: 1 }, { parallelSlots: 2 }],
  flashAttention: [{}, { flashAttention: false }],
  jinja: [{}, { jinja: true }],
  cacheTypeK: [{}, { cacheTypeK: "q8_0" }],
  cacheTypeV: [{}, { cacheTypeV: "q8_0" }],
  cacheTypeCustomK: [{}, { cacheTypeCustomK: "bf16" }],
  cacheTypeCustomV: [{}, { cacheTypeCustomV: "bf16" }],
  batchSize: [{}, { batchSize: 512 }],
  uBatchSize: [{}, { uBatchSize: 256 }],
  moeCPUOffload: [{}, { moeCPUOffload: true }],
  moeCPULayers: [{}, { moeCPULayers: 3 }],
  noKvOffload: [{}, { noKvOffload: true }],
  noWarmup: [{}, { noWarmup: true }],
  "speculativeDecoding.type": [{}, { speculativeDecoding: { type: "ngram-simple" } }],
  "speculativeDecoding.draftModelRef": [drafting({}), drafting({ draftModelRef: "other" })],
  "speculativeDecoding.draftModel": [
    { speculativeDecoding: { type: "draft", draftModel: "a" } },
    { speculativeDecoding: { type: "draft", draftModel: "b" } },
  ],
  "speculativeDecoding.nDraftMax": [drafting({}), drafting({ nDraftMax: 8 })],
  "speculativeDecoding.pMin": [drafting({}), drafting({ pMin: 0.5 })],
  reasoningBudget: [{}, { reasoningBudget: 100 }],
  reasoningBudgetMessage: [{}, { reasoningBudgetMessage: "enough" }],
  metadataOverrides: [{}, { metadataOverrides: ["a=int:1"] }],
  tensorOverrides: [{}, { tensorOverrides: ["exps=CPU"] }],
  extraArgs: [{ extraArgs: ["--temp", "1"] }, { extraArgs: ["--temp", "0"] }],
};

const NOT_METAL = "a container's, and there is none on a Mac";
const PLACE = "where pods are put: the Deployment's template changes with it by itself";

/** Fields of InferenceService.spec that need no other server process, each with the reason; a name covers what is inside of it. */
const SERVICE_OUT: Readonly<Record<string, string>> = {
  modelRef: "the Model's own fields say which weights are meant, not its name",
  runtime: "with another than llamacpp nothing is served",
  replicas: "the Deployment's own field",
  suspend: "the Deployment's replicas",
  priority: "the pod's priority: eviction follows it while the server runs",
  evictionProtection: "followed while the server runs",
  endpoint: "the Service's; a server listens on the port of its pod",
  autoscaling: "the number of replicas",
  slo: "for alerts",
  rolloutPolicy: "how a change rolls out, not a change",
  disruption: "for drains",
  revisionHistoryLimit: "the Deployment's own field",
  vllmConfig: "another runtime's",
  sglangConfig: "another runtime's",
  tgiConfig: "another runtime's",
  personaPlexConfig: "another runtime's",
  resources: "on Metal the estimate is requested",
  nodeSelector: PLACE,
  affinity: PLACE,
  tolerations: PLACE,
  topologySpreadConstraints: PLACE,
  priorityClassName: PLACE,
  podAnnotations: "the pod's own",
  podLabels: "the pod's own",
  bindAddress: "the agent says on which address a server listens",
  ...Object.fromEntries(
    [
      ...["image", "imagePullSecrets", "command", "args", "env", "containerPort", "runtimeClassName"],
      ...["podSecurityContext", "securityContext", "probeOverrides", "extraVolumes", "extraVolumeMounts", "modelCache"],
      ...["skipModelInit", "pagedSSDCacheDir", "pagedSSDCacheMaxSize", "hotCacheMaxSize", "turboQuantBits"],
      ...["maxPodLifetimeSeconds", "maxPodLifetimeIdleTimeoutSeconds"],
    ].map((field) => [field, NOT_METAL]),
  ),
};

const MODEL_IN: Readonly<Record<string, Change>> = {
  source: [{}, { source: "/models/other.gguf" }],
  sha256: [{}, { sha256: "a".repeat(64) }],
  mmproj: [{}, { mmproj: "/models/eye.gguf" }],
  format: [{}, { format: "mlx" }],
  "hardware.accelerator": [{}, { hardware: { accelerator: "metal" } }],
  "hardware.gpu.layers": [{}, { hardware: { gpu: { layers: 3 } } }],
};

const MODEL_OUT: Readonly<Record<string, string>> = {
  "hardware.memoryBudget": "it applies to a running server",
  "hardware.memoryFraction": "it applies to a running server",
  ...Object.fromEntries(
    [
      "enabled",
      "count",
      "memory",
      "vendor",
      "runtime",
      "resourceName",
      "tolerationKey",
      "resourceClaims",
      "sharding",
    ].map((field) => [`hardware.gpu.${field}`, "not used on Metal"]),
  ),
  sourceSecretRef: "it says who may fetch the weights, not which",
  refreshPolicy: "when weights are fetched, not which",
  prefetch: "when weights are fetched, not which",
  prefetchTolerations: "when weights are fetched, not which",
  quantization: "informational",
  files: "not acted on: source names the file",
  resources: "on Metal the estimate is requested",
};

describe("settingsHash", () => {
  const kinds = [
    ["InferenceService", inferenceServiceSpecSchema, SERVICE_IN, SERVICE_OUT],
    ["Model", modelSpecSchema, MODEL_IN, MODEL_OUT],
  ] as const;
  for (const [kind, schema, within, without] of kinds) {
    it(`has a place for every field of a ${kind}: in the hash, or out of it with a reason`, () => {
      const paths = fieldPaths(schema);
      const leaves = paths.filter((path) => !paths.some((other) => isInside(other, path))).map(pathText);
      const known = (leaf: string) => leaf in within || Object.keys(without).some((field) => covers(field, leaf));
      assert.deepEqual(
        leaves.filter((leaf) => !known(leaf)),
        [],
      );
      const stale = [...Object.keys(within), ...Object.keys(without)].filter(
        (field) => !paths.some((path) => covers(field, pathText(path))),
      );
      assert.deepEqual(stale, [], "these are no fields");
    });
  }

  for (const [field, [before, after]] of Object.entries(SERVICE_IN)) {
    it(`is another one for another spec.${field} of the service`, () => {
      const hash = (spec: object) => settingsHash(service(spec), model(), model());
      assert.notEqual(hash(before), hash(after));
      assert.equal(hash(after), hash(after));
    });
  }

  for (const [field, [before, after]] of Object.entries(MODEL_IN)) {
    it(`is another one for another spec.${field} of the Model, and of the draft Model`, () => {
      assert.notEqual(settingsHash(service(), model(before)), settingsHash(service(), model(after)));
      const drafted = service(drafting({}));
      assert.notEqual(settingsHash(drafted, model(), model(before)), settingsHash(drafted, model(), model(after)));
    });
  }

  it("stays where any of the other fields change", () => {
    const out = [...Object.keys(SERVICE_OUT)];
    fc.assert(
      fc.property(manifests("InferenceService"), (generated) => {
        const spec = Object.entries(Object(generated["spec"])).filter(([field]) => out.includes(field));
        const parsed = parseManifest({ ...generated, spec: { ...Object.fromEntries(spec), modelRef: "m" } });
        fc.pre(parsed.ok);
        assert.equal(settingsHash(asService(parsed), model()), settingsHash(service(), model()));
      }),
      { numRuns: 50 },
    );
    const budget = { memoryBudget: "1Gi", memoryFraction: 0.5, gpu: { count: 1, memory: "1Gi" } };
    const other = { quantization: "Q4", prefetch: true, refreshPolicy: "OnChange", sourceSecretRef: { name: "s" } };
    const changed = model({ ...other, files: ["a"], resources: { cpu: "1" }, hardware: budget });
    const plain = model({ hardware: {} });
    assert.equal(settingsHash(service(), changed), settingsHash(service(), plain));
  });

  it("does not mind the order of fields, the case of a digest, or how all layers are said", () => {
    const [ab, ba] = [
      { type: "yarn", factor: "4" },
      { factor: "4", type: "yarn" },
    ];
    assert.equal(
      settingsHash(service({ ropeScaling: ab }), model({ sha256: "A".repeat(64) })),
      settingsHash(service({ ropeScaling: ba }), model({ sha256: "a".repeat(64) })),
    );
    const layers = (gpu: object) => settingsHash(service(), model({ hardware: { gpu } }));
    assert.equal(layers({ layers: -1 }), layers({}));
  });

  // A default that appears only where its parent does must not look like a change.
  const sameAsNone: readonly (readonly [what: string, spec: object])[] = [
    ["hardware", { hardware: {} }],
    ["the default accelerator", { hardware: { accelerator: "cpu" } }],
    ["a budget", { hardware: { memoryBudget: "1Gi" } }],
    ["a fraction", { hardware: { memoryFraction: 0.5 } }],
    ["gpu", { hardware: { gpu: {} } }],
    ["sharding", { hardware: { gpu: { count: 2, sharding: {} } } }],
    ["all of a default format", { format: "gguf" }],
  ];
  for (const [what, spec] of sameAsNone) {
    it(`is the same for a Model, and a draft Model, with ${what} and without`, () => {
      const drafted = service(drafting({}));
      assert.equal(settingsHash(service(), model(spec)), settingsHash(service(), model()));
      assert.equal(settingsHash(drafted, model(), model(spec)), settingsHash(drafted, model(), model()));
    });
  }

  it("is another one for a prompt cache of another quantity, and the same for what changes no need", () => {
    const caching = (promptCache: string) => {
      const plain = service();
      const annotations = { [ON_DEMAND_ANNOTATIONS.promptCache]: promptCache };
      return settingsHash({ ...plain, metadata: { ...plain.metadata, annotations } }, model());
    };
    assert.notEqual(caching("512Mi"), settingsHash(service(), model()));
    assert.notEqual(caching("512Mi"), caching("1Gi"));
    assert.equal(caching("512Mi"), caching("0.5Gi"));
    for (const same of ["auto", "off", "much"]) assert.equal(caching(same), settingsHash(service(), model()));
  });

  it("does not look at a draft Model that the service does not use", () => {
    assert.equal(settingsHash(service(), model(), model({ source: "/d.gguf" })), settingsHash(service(), model()));
  });

  it("is the same in every version: a pod of an older controller goes on", () => {
    const hash = settingsHash(service({ contextSize: 4096 }), model({ sha256: "a".repeat(64) }));
    assert.equal(hash, "b6c65914c843c128");
  });
});

function drafting(more: object): object {
  return { speculativeDecoding: { type: "draft-simple", draftModelRef: "small", ...more } };
}

function service(spec: object = {}): InferenceService {
  return asService(parseManifest(serviceManifest(spec)));
}

function asService(parsed: ReturnType<typeof parseManifest>): InferenceService {
  if (!parsed.ok || parsed.value.kind !== "InferenceService") throw new Error(JSON.stringify(parsed));
  return parsed.value;
}

function model(spec: object = {}): Model {
  const parsed = parseManifest(modelManifest(spec));
  if (!parsed.ok || parsed.value.kind !== "Model") throw new Error(JSON.stringify(parsed));
  return parsed.value;
}

function isInside(path: readonly string[], outer: readonly string[]): boolean {
  return path.length > outer.length && outer.every((key, index) => path[index] === key);
}

function covers(field: string, path: string): boolean {
  return path === field || path.startsWith(`${field}.`) || path.startsWith(`${field}[`);
}
