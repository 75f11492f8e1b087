import assert from "node:assert/strict";
import type { GgufHeader } from "../../../gguf/header.ts";
import { missingTensor } from "../../../memory/whole/missing-tensor.ts";
import { NEEDED } from "../../../memory/whole/needed-tensors.ts";
import { llamaTensors } from "../../support/llama-tensors.ts";
import { headerOf, readTruth, writeSynthetic } from "../../support/truth-models.ts";
import { temporaryDirectory } from "../../support/workspace.ts";

const truth = readTruth();

function header(architecture: string, layers: number, names: readonly string[], keys: object = {}): GgufHeader {
  const metadata = new Map<string, string | number>([
    ["general.architecture", architecture],
    [`${architecture}.block_count`, layers],
    ...Object.entries(keys),
  ]);
  const tensors = names.map((name) => ({ name, shape: [1], type: 0, offset: 0 }));
  return { version: 3, fileBytes: 0, dataOffset: 0, metadata, tensors };
}

const LLAMA = llamaTensors(2).map(({ name }) => name);

describe("the tensors that a model needs", () => {
  for (const model of Object.keys(truth)) {
    it(`are all in ${model}, of whose layers none may be cut off`, async () => {
      const whole = await headerOf(await writeSynthetic(truth, model, await temporaryDirectory()));
      assert.equal(missingTensor(whole), undefined);
      const last = Math.max(...whole.tensors.map(({ name }) => Number(/^blk\.(\d+)\./.exec(name)?.[1] ?? -1)));
      const shorter = whole.tensors.filter(({ name }) => !name.startsWith(`blk.${last}.`));
      assert.match(String(missingTensor({ ...whole, tensors: shorter })), new RegExp(`^blk\\.${last}\\.`));
    });
  }

  it("are each missed by name", () => {
    assert.equal(missingTensor(header("llama", 2, LLAMA)), undefined);
    for (const name of LLAMA) {
      const rest = LLAMA.filter((other) => other !== name);
      assert.equal(missingTensor(header("llama", 2, rest)), name);
    }
    assert.equal(missingTensor(header("llama", 3, LLAMA)), "blk.2.attn_norm.weight");
  });

  it("may be fused, or experts", () => {
    const fused = LLAMA.filter((name) => !/attn_[qkv]\./.test(name)).map((name) => name.replace("down.", "down_exps."));
    assert.equal(missingTensor(header("llama", 2, [...fused, "blk.0.attn_qkv.weight"])), "blk.1.attn_q.weight");
    const both = [...fused, "blk.0.attn_qkv.weight", "blk.1.attn_qkv.weight"];
    assert.equal(missingTensor(header("llama", 2, both)), undefined);
  });

  it("are not those of layers for multi-token prediction, which a file may hold alone", () => {
    const keys = { "llama.nextn_predict_layers": 1 };
    assert.equal(missingTensor(header("llama", 3, LLAMA, keys)), undefined);
    const alone = ["token_embd.weight", "output_norm.weight", "blk.2.attn_norm.weight"];
    assert.equal(missingTensor(header("llama", 3, alone, keys)), undefined);
  });

  it("are not known of an architecture without a row", () => {
    assert.equal(missingTensor(header("tomorrow", 2, ["x"])), undefined);
  });

  it("have plain names", () => {
    for (const [architecture, { once, each }] of NEEDED) {
      assert.match(architecture, /^[a-z0-9._-]+$/);
      assert.match(`${once} ${each}`, /^[a-z0-9_.| ]*$/, architecture);
    }
  });

  it("are looked for in no more layers than a model may have", () => {
    assert.equal(missingTensor(header("llama", 2 ** 30, LLAMA)), undefined);
  });
});
