import assert from "node:assert/strict";
import type { Desired } from "../../../agent/workload/desired.ts";
import { type Manifest, nameOf } from "../../../agent/workload/manifest.ts";
import { wantedFiles } from "../../../agent/workload/model-files.ts";
import { resolveService } from "../../../agent/workload/resolve.ts";
import type { HostFacts } from "../../../agent/workload/workload.ts";
import { workloadId } from "../../../agent/workload/workload-id.ts";
import { parseManifest } from "../../../api/parse.ts";
import { modelManifest, serviceManifest } from "../../support/manifests.ts";
import { options } from "../samples.ts";

const DRAFTING = { type: "draft", draftModelRef: "small", nDraftMax: 5 };

const node: HostFacts = { backend: "cpu", hostMemoryBytes: 16 * 2 ** 30, options };
const placement = { id: workloadId("uid-1"), host: "127.0.0.1", gracePeriodMs: 3000, returnsAfterEviction: false };

function parsed(document: unknown): Manifest {
  const manifest = parseManifest(document);
  assert(manifest.ok, manifest.ok ? "" : manifest.error);
  return manifest.value;
}

function wanted(
  service: object,
  models: object | readonly object[] = {},
  on: HostFacts = node,
  placedBy: "folder" | "scheduler" = "folder",
): Desired {
  const manifest = parsed(serviceManifest(service));
  assert(manifest.kind === "InferenceService");
  const documents = Array.isArray(models) ? models : [modelManifest(models)];
  const known = new Map(documents.map(parsed).map((model) => [nameOf(model), model]));
  const lookUp = (name: string) => {
    const model = known.get(name);
    return model?.kind === "Model" ? model : "absent";
  };
  return resolveService(manifest, { ...placement, placedBy }, lookUp, on);
}

function running(desired: Desired) {
  assert(desired.kind === "run", JSON.stringify(desired));
  return desired.workload;
}

describe("the models that manifests name", () => {
  const model = parsed(modelManifest({ sha256: "AB".repeat(32) }));

  it("are those of all Models, whether a service runs them or not", () => {
    const manifests = [model, parsed(serviceManifest({ suspend: true }))];
    const all = [{ source: "/models/llama.gguf", sha256: "ab".repeat(32) }];
    assert.deepEqual(wantedFiles(manifests), all);
  });
});

describe("an InferenceService with its Model", () => {
  it("is resolved with the defaults of LLMKube", () => {
    const { name, source, fields, budget, priority } = running(wanted({}));
    assert.deepEqual([name, source, fields.port, priority], ["default/chat", "/models/llama.gguf", 8080, 2]);
    assert.equal(fields.settings.contextSize, 2048);
    assert.deepEqual([budget.bytes, budget.source], [Math.trunc(16 * 2 ** 30 * 0.67), "adaptive-default"]);
    const flagged = running(wanted({}, {}, { ...node, agentFraction: 0.5 })).budget;
    assert.deepEqual([flagged.bytes, flagged.source], [8 * 2 ** 30, "agent-flag"]);
  });

  it("changes its specHash with its settings, not with its budget (LLMKube trap T19)", () => {
    const key = (service: object, model: object = {}) => running(wanted(service, model)).specHash;
    assert.equal(key({}), key({}, { hardware: { memoryBudget: "1Gi" } }));
    assert.notEqual(key({}), key({ contextSize: 4096 }));
    assert.notEqual(key({}), key({}, { source: "/models/other.gguf" }));
    assert.notEqual(key({}), key({}, { sha256: "0".repeat(64) }));
  });

  it("has the same specHash whatever the llama-server on the disk supports: another one restarts nobody", () => {
    const settings = { extraArgs: ["--top-k", "4"], noWarmup: true, jinja: true };
    const able = running(wanted(settings, {}, { ...node, options: new Set([...options, "--top-k"]) }));
    for (const lost of [[], ["--no-mmap", "--swa-checkpoints", "--no-webui"]]) {
      assert.equal(running(wanted(settings, {}, { ...node, options: new Set(lost) })).specHash, able.specHash);
    }
  });

  it("is placed as its source says", () => {
    const { id, gracePeriodMs, returnsAfterEviction, fields } = running(wanted({}));
    assert.deepEqual({ id, gracePeriodMs, returnsAfterEviction, host: fields.host }, placement);
  });

  it("knows the GPU by llama-server's name, and has the same specHash by whatever name", () => {
    const metal = { ...node, backend: "metal" } as const;
    const served = (deviceName?: string) =>
      running(wanted({}, { hardware: { accelerator: "metal" } }, { ...metal, ...(deviceName && { deviceName }) }));
    assert.equal(served("MTL0").fields.deviceName, "MTL0");
    assert.equal(served().fields.deviceName, undefined);
    assert.deepEqual([served("MTL0").specHash, served("Metal").specHash], [served().specHash, served().specHash]);
  });

  it("has its projector and its draft model, which are both part of the specHash", () => {
    const models = [
      modelManifest({ mmproj: "/models/eye.gguf" }),
      modelManifest({ source: "/models/small.gguf" }, "small"),
    ];
    const drafting = new Set([...options, "--spec-type", "--spec-draft-model", "--spec-draft-n-max"]);
    for (const option of ["--spec-draft-type-k", "--spec-draft-type-v", "--spec-draft-ngl"]) drafting.add(option);
    const able = wanted({ speculativeDecoding: DRAFTING }, models, { ...node, options: drafting });
    const { mmproj, draft, specHash } = running(able);
    assert.deepEqual([mmproj?.source, draft?.source], ["/models/eye.gguf", "/models/small.gguf"]);
    const others = [
      [modelManifest({ mmproj: "/models/other-eye.gguf" }), modelManifest({ source: "/models/small.gguf" }, "small")],
      [modelManifest({ mmproj: "/models/eye.gguf" }), modelManifest({ source: "/models/other.gguf" }, "small")],
    ];
    for (const other of others) {
      const changed = wanted({ speculativeDecoding: DRAFTING }, other, { ...node, options: drafting });
      assert.notEqual(running(changed).specHash, specHash);
    }
    assert.equal(
      running(wanted({ speculativeDecoding: DRAFTING }, models, { ...node, options: drafting })).specHash,
      specHash,
    );
  });

  const servedAsIs: readonly (readonly [service: object, says: RegExp])[] = [
    [
      { batchSize: 512, uBatchSize: 1024 },
      /^spec\.uBatchSize is 1024, more than spec\.batchSize, which is 512; it must be at most that; it is served as it is$/,
    ],
    [{ uBatchSize: 4096 }, /more than spec\.batchSize, which is 2048 by default/],
    [
      { speculativeDecoding: { type: "draft-simple", draftModelRef: "llama" } },
      /^spec\.speculativeDecoding\.draftModelRef is "llama", the model itself; it must be the name of a smaller Model/,
    ],
  ];
  for (const [service, says] of servedAsIs) {
    it(`runs with a note with ${JSON.stringify(service)}, so that an upgrade of the agent ends no server`, () => {
      assert.ok(running(wanted(service)).notes.some((note) => says.test(note)));
    });
  }

  const notRun: readonly (readonly [service: object, model: object, kind: string, says: RegExp])[] = [
    [{ suspend: true }, {}, "stopped", /spec\.suspend/],
    [{ replicas: 0 }, {}, "stopped", /spec\.replicas is 0/],
    [{ runtime: "vllm" }, {}, "refused", /spec\.runtime vllm does not run natively/],
    [{ modelRef: "none" }, {}, "refused", /^modelRef names Model default\/none, which does not exist$/],
    [{ extraArgs: ["--ctx-size", "9"] }, {}, "refused", /set spec\.contextSize/],
    [{ noKvOffload: true }, {}, "refused", /spec\.noKvOffload is not supported/],
    [{ speculativeDecoding: { type: "ngram-mod" } }, {}, "refused", /speculativeDecoding/],
    [
      { speculativeDecoding: DRAFTING },
      {},
      "refused",
      /^draftModelRef names Model default\/small, which does not exist$/,
    ],
    [{}, { format: "mlx" }, "refused", /spec\.format is mlx/],
    [
      {},
      { source: "hf://org/repo" },
      "refused",
      /^Model default\/llama: spec\.source is "hf:\/\/org\/repo"; it must name a file of a repository: hf:\/\/org\/repo\/file\.gguf$/,
    ],
    [{}, { mmproj: "hf://" }, "refused", /^Model default\/llama: spec\.mmproj is "hf:\/\/"; it must name a file/],
    [{}, { hardware: { accelerator: "cuda" } }, "refused", /accelerator cuda is not supported: use metal or cpu/],
  ];
  for (const [service, model, kind, says] of notRun) {
    it(`is ${kind} with ${JSON.stringify(service)} and ${JSON.stringify(model)}`, () => {
      const desired = wanted(service, model);
      assert(desired.kind !== "run" && desired.kind === kind);
      assert.match(desired.message, says);
    });
  }

  it("has a micro-batch of any size where it embeds, since the batch follows it", () => {
    const { settings } = running(wanted({ mode: "embedding", contextSize: 8192, uBatchSize: 8192 })).fields;
    assert.equal(settings.ubatchSize, 8192);
  });

  const mac: HostFacts = { ...node, backend: "metal" };
  const backends: readonly (readonly [accelerator: string, on: HostFacts, backend: string, notes: number])[] = [
    ["metal", mac, "metal", 0],
    ["metal", node, "cpu", 1],
    ["cpu", mac, "cpu", 0],
    ["cpu", node, "cpu", 0],
  ];
  for (const [accelerator, on, backend, notes] of backends) {
    it(`asked for ${accelerator} on a machine with ${on.backend}, runs on ${backend}${notes ? ", and says so" : ""}`, () => {
      const workload = running(wanted({}, { hardware: { accelerator } }, on));
      assert.equal(workload.fields.settings.backend, backend);
      assert.equal(workload.notes.length, notes, workload.notes.join());
    });
  }

  const noted: readonly (readonly [service: object, model: object, says: RegExp])[] = [
    [{ replicas: 3 }, {}, /^spec\.replicas is 3, but one machine runs one replica only$/],
    [
      {},
      { hardware: { accelerator: "metal" } },
      /^spec\.hardware\.accelerator is metal, but this host has no Metal GPU; the model runs on the CPU$/,
    ],
    [{}, { hardware: { memoryBudget: "24" } }, /add a unit/],
    [{}, { sourceSecretRef: { name: "s" } }, /HF_TOKEN/],
    [{}, { refreshPolicy: "OnChange" }, /OnChange has no effect here/],
    [
      { image: "x", imagePullSecrets: [] },
      {},
      /^without a cluster these fields have no effect: spec\.image, spec\.imagePullSecrets$/,
    ],
    [{}, { prefetch: true }, /^without a cluster these fields have no effect: the Model's spec\.prefetch$/],
    [{ noWarmup: true }, {}, /^spec\.noWarmup has no effect: this llama-server does not support --no-warmup$/],
  ];
  for (const [service, model, says] of noted) {
    it(`LLMKube#159: says what it does with ${JSON.stringify(service)} and ${JSON.stringify(model)}`, () => {
      const { notes } = running(wanted(service, model, { ...node, options: new Set() }));
      assert.equal(notes.length, 1, notes.join("\n"));
      assert.match(notes[0] ?? "", says);
    });
  }

  it("has no notes on what the controller of a cluster does", () => {
    const service = { replicas: 3, nodeSelector: { a: "b" } };
    const { notes } = running(wanted(service, { prefetch: true }, node, "scheduler"));
    assert.deepEqual(notes, []);
  });

  it("has no notes if it is an ordinary service", () => {
    const { notes } = running(wanted({ contextSize: 4096, endpoint: { port: 9000 } }, { quantization: "Q4_K_M" }));
    assert.deepEqual(notes, []);
  });
});
