import assert from "node:assert/strict";
import { MiB } from "../../../api/bytes.ts";
import type { GgufHeader } from "../../../gguf/header.ts";
import { estimateWith } from "../../../memory/estimate/auxiliary.ts";
import { estimate } from "../../../memory/estimate/estimate.ts";
import { isTableForGpu } from "../../../memory/estimate/loading.ts";
import { type EstimateSettings, type KnownEstimate, LOAD_MODES } from "../../../memory/estimate/types.ts";
import { gemmaHeader } from "../../support/gemma-header.ts";
import { SETTINGS } from "../../support/settings.ts";
import { headerOf, readTruth, writeSynthetic } from "../../support/truth-models.ts";
import { temporaryDirectory } from "../../support/workspace.ts";

const READ: EstimateSettings = { ...SETTINGS, loadMode: "none" };
const truth = readTruth();

function known(header: GgufHeader, settings: EstimateSettings = READ): KnownEstimate {
  const answer = estimate(header, settings);
  assert.ok(answer.ok, JSON.stringify(answer));
  if (answer.value.confidence === "unknown") throw new Error(answer.value.notes.join());
  return answer.value;
}

/** In MiB; undefined where there is no such part. */
function part(found: KnownEstimate, name: string): number | undefined {
  const bytes = found.parts[name];
  return bytes === undefined ? undefined : bytes / MiB;
}

function sumOf(parts: Readonly<Record<string, number>>): number {
  return Object.values(parts).reduce((sum, bytes) => sum + bytes, 0);
}

describe("estimate of a server on Metal that reads its weights", () => {
  const headers = new Map<string, GgufHeader>();
  before(async () => {
    const folder = await temporaryDirectory();
    for (const model of Object.keys(truth)) {
      headers.set(model, await headerOf(await writeSynthetic(truth, model, folder)));
    }
    headers.set("gemma3-270m", await gemmaHeader());
  });

  function header(model: string): GgufHeader {
    const found = headers.get(model);
    assert.ok(found, model);
    return found;
  }

  // The sizes of the token tables (docs/background/llama-memory.md, "On Metal").
  for (const [model, mib] of [
    ["gemma3-270m", 170.0],
    ["llama3.2-1b", 140.9],
    ["gemma2-9b", 717.8],
    ["gemma3-12b", 787.7],
    ["lfm2-1.2b", 72.0],
    ["llama3.1-8b", 0],
    ["gpt-oss-20b", 0],
  ] as const) {
    it(`counts ${mib} MiB for a second copy of the embeddings of ${model}`, () => {
      assert.equal((part(known(header(model)), "tiedCopy") ?? 0).toFixed(1), mib.toFixed(1));
    });
  }

  // docs/background/llama-memory.md, "On Metal": weights, copy, largest tensor and process.
  for (const [model, mib] of [
    ["gpt-oss-20b", 12_033],
    ["qwen3.5-27b", 15_797],
  ] as const) {
    it(`takes ${mib} MiB for ${model} at 4k, where loading takes more than serving`, () => {
      const found = known(header(model));
      assert.equal(Math.round(found.totalBytes / MiB), mib);
      assert.ok((part(found, "loading") ?? 0) > 0);
    });
  }

  it("takes what serving takes where that is more: the peak adds nothing to a long context", () => {
    const found = known(header("gpt-oss-20b"), { ...READ, contextSize: 131_072 });
    assert.equal(part(found, "loading"), 0);
  });

  for (const model of [...Object.keys(truth), "gemma3-270m"]) {
    it(`is for ${model} the larger of serving and loading, at every context`, () => {
      for (const contextSize of [256, 4096, 65_536]) {
        const found = known(header(model), { ...READ, contextSize });
        const { loading = 0, ...steady } = found.parts;
        const { weights = 0, tiedCopy = 0, process = 0 } = steady;
        assert.equal(found.totalBytes, sumOf(steady) + loading);
        const largest = loading === 0 ? 0 : found.totalBytes - weights - tiedCopy - process;
        assert.ok(largest < weights, `${largest} in one tensor`);
        const mapped = known(header(model), { ...READ, contextSize, loadMode: "mmap" });
        assert.equal(sumOf(steady) - tiedCopy, mapped.totalBytes);
      }
    });
  }

  for (const loadMode of LOAD_MODES) {
    const has = loadMode !== "mmap";
    it(`${has ? "has" : "has not"} both parts with load mode ${loadMode}, and neither on the CPU`, () => {
      const { parts } = known(header("gemma3-270m"), { ...READ, loadMode });
      assert.deepEqual(["tiedCopy" in parts, "loading" in parts], [has, has]);
      const cpu = known(header("gemma3-270m"), { ...READ, loadMode, backend: "cpu" });
      assert.deepEqual(["tiedCopy" in cpu.parts, "loading" in cpu.parts], [false, false]);
    });
  }

  it("has one copy of the embeddings where they are placed with the GPU, and still stages them", () => {
    const plain = known(header("gemma3-270m"));
    const placed = known(header("gemma3-270m"), { ...READ, tableOnGpu: true });
    assert.equal(part(placed, "tiedCopy"), 0);
    assert.ok(placed.totalBytes < plain.totalBytes);
    const { weights = 0, process = 0, loading = 0 } = placed.parts;
    assert.ok(loading > 0);
    assert.equal(placed.totalBytes, weights + process + (plain.parts["tiedCopy"] ?? 0));
  });

  for (const [what, type, placed] of [
    ["q8_0", 8, true],
    ["q6_K", 14, true],
    ["bf16, which older Macs lack", 30, false],
    ["nvfp4, which Metal cannot look up", 40, false],
  ] as const) {
    it(`${placed ? "places" : "does not place"} a token table in ${what}`, () => {
      const plain = header("llama3.2-1b");
      const tensors = plain.tensors.map((tensor) =>
        tensor.name === "token_embd.weight" ? { ...tensor, type } : tensor,
      );
      assert.equal(isTableForGpu({ ...plain, tensors }), placed);
      const copy = part(known({ ...plain, tensors }, { ...READ, tableOnGpu: true }), "tiedCopy") ?? 0;
      assert.equal(copy === 0, placed);
    });
  }

  it("places no token table that is not tied", () => {
    assert.equal(isTableForGpu(header("gpt-oss-20b")), false);
    assert.equal(
      known(header("gpt-oss-20b"), { ...READ, tableOnGpu: true }).totalBytes,
      known(header("gpt-oss-20b")).totalBytes,
    );
  });

  it("reads tables that are only looked up in place, so that the largest of them is no peak", () => {
    const plain = header("llama3.2-1b");
    const table = { name: "per_layer_token_embd.weight", shape: [8192, 262_144], type: 8, offset: 0 };
    const found = known({ ...plain, tensors: [...plain.tensors, table] });
    const before = known(plain);
    assert.equal(found.totalBytes - before.totalBytes, found.weightsBytes - before.weightsBytes);
  });

  for (const architecture of ["bert", "bitnet"]) {
    it(`has no second copy for ${architecture}, which no output layer makes`, () => {
      const plain = header("llama3.2-1b");
      const metadata = new Map(
        [...plain.metadata].map(([key, value]) => [key.replace(/^llama\./, `${architecture}.`), value] as const),
      ).set("general.architecture", architecture);
      assert.equal(part(known({ ...plain, metadata }), "tiedCopy"), 0);
      assert.equal(isTableForGpu({ ...plain, metadata }), false);
    });
  }

  it("counts a draft model's own copy and peak, and the model's peak only above what the draft takes later", () => {
    const draft = { header: header("llama3.2-1b"), settings: READ };
    const answer = estimateWith(header("gpt-oss-20b"), READ, { draft });
    assert.ok(answer.ok && answer.value.confidence !== "unknown");
    const [model, small] = [known(header("gpt-oss-20b")), known(header("llama3.2-1b"))];
    const steady = model.totalBytes - (model.parts["loading"] ?? 0);
    assert.equal(answer.value.totalBytes, Math.max(model.totalBytes, steady + small.totalBytes));
    assert.equal(answer.value.parts["draft"], small.totalBytes);
    assert.equal(answer.value.totalBytes, sumOf(answer.value.parts));
  });
});
