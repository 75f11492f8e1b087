import assert from "node:assert/strict";
import type { Manifest } from "../../agent/sources/documents.ts";
import { type Desired, desiredWorkloads, type Node } from "../../agent/workload.ts";
import { parseManifest } from "../../api/parse.ts";
import { modelManifest, serviceManifest } from "../support/manifests.ts";

const node: Node = { backend: "cpu", hostMemoryBytes: 16 * 2 ** 30 };

function parsed(document: unknown): Manifest {
  const manifest = parseManifest(document);
  assert(manifest.ok, manifest.ok ? "" : manifest.error);
  return manifest.value;
}

function wanted(service: object, model: object = {}, on: Node = node): Desired {
  const manifests = [parsed(modelManifest(model)), parsed(serviceManifest(service))];
  const desired = desiredWorkloads(manifests, on).get("default/chat");
  assert(desired);
  return desired;
}

function running(desired: Desired) {
  assert(desired.kind === "run", JSON.stringify(desired));
  return desired.workload;
}

describe("an InferenceService with its Model", () => {
  it("has everything resolved, with LLMKube's defaults", () => {
    const { name, source, fields, budget, priority } = running(wanted({}));
    assert.deepEqual([name, source, fields.port, priority], ["default/chat", "/models/llama.gguf", 8080, 2]);
    assert.equal(fields.settings.contextSize, 2048);
    assert.deepEqual([budget.bytes, budget.source], [Math.trunc(16 * 2 ** 30 * 0.67), "adaptive-default"]);
    const flagged = running(wanted({}, {}, { ...node, agentFraction: 0.5 })).budget;
    assert.deepEqual([flagged.bytes, flagged.source], [8 * 2 ** 30, "agent-flag"]);
  });

  it("changes its start key with its settings, not with its budget (T19)", () => {
    const key = (service: object, model: object = {}) => running(wanted(service, model)).startKey;
    assert.equal(key({}), key({}, { hardware: { memoryBudget: "1Gi" } }));
    assert.notEqual(key({}), key({ contextSize: 4096 }));
    assert.notEqual(key({}), key({}, { source: "/models/other.gguf" }));
    assert.notEqual(key({}), key({}, { sha256: "0".repeat(64) }));
  });

  const notRun: readonly (readonly [service: object, model: object, kind: string, says: RegExp])[] = [
    [{ suspend: true }, {}, "stopped", /spec\.suspend/],
    [{ replicas: 0 }, {}, "stopped", /spec\.replicas is 0/],
    [{ runtime: "vllm" }, {}, "refused", /spec\.runtime vllm does not run natively/],
    [{ modelRef: "none" }, {}, "refused", /Model default\/none, which modelRef names, does not exist/],
    [{ extraArgs: ["--ctx-size", "9"] }, {}, "refused", /set spec\.contextSize/],
    [{ moeCPUOffload: true }, {}, "refused", /spec\.moeCPUOffload is not supported/],
    [{ speculativeDecoding: { type: "ngram-mod" } }, {}, "refused", /speculativeDecoding/],
    [{}, { format: "mlx" }, "refused", /spec\.format is mlx/],
    [{}, { mmproj: "/m" }, "refused", /mmproj/],
    [{}, { hardware: { accelerator: "cuda" } }, "refused", /accelerator cuda is not here/],
  ];
  for (const [service, model, kind, says] of notRun) {
    it(`is ${kind} with ${JSON.stringify(service)} and ${JSON.stringify(model)}`, () => {
      const desired = wanted(service, model);
      assert(desired.kind !== "run" && desired.kind === kind);
      assert.match(desired.message, says);
    });
  }

  const mac: Node = { ...node, backend: "metal" };
  const backends: readonly (readonly [accelerator: string, on: Node, backend: string, notes: number])[] = [
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

  it("takes a Model of its own namespace only (T9)", () => {
    const elsewhere = parsed({ ...modelManifest(), metadata: { name: "llama", namespace: "other" } });
    const desired = desiredWorkloads([elsewhere, parsed(serviceManifest())], node).get("default/chat");
    assert.equal(desired?.kind, "refused");
  });

  it("gives a port to the first by name", () => {
    const second = parsed({ ...serviceManifest(), metadata: { name: "zzz" } });
    const all = desiredWorkloads([second, parsed(modelManifest()), parsed(serviceManifest())], node);
    assert.equal(all.get("default/chat")?.kind, "run");
    const later = all.get("default/zzz");
    assert(later?.kind === "refused");
    assert.match(later.message, /^port 8080 belongs to default\/chat/);
  });
});
