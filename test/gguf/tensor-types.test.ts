import assert from "node:assert/strict";
import { GGMLQuantizationType } from "@huggingface/gguf";
import { GGML_TYPES, tensorBytes } from "../../gguf/tensor-types.ts";

function sizeOf(shape: readonly number[], type: number) {
  return tensorBytes({ name: "blk.0.attn_q.weight", shape, type, offset: 0 });
}

describe("ggml types", () => {
  it("have the oracle's ids and names", () => {
    const shared = [...GGML_TYPES].filter(([id]) => id in GGMLQuantizationType);
    assert.ok(shared.length >= 30);
    for (const [id, { name }] of shared) assert.equal(GGMLQuantizationType[id], name);
  });

  it("make tensor sizes of whole blocks", () => {
    assert.deepEqual(sizeOf([4096, 4096], 12), { ok: true, value: (4096 * 4096 * 144) / 256 });
    assert.deepEqual(sizeOf([2880, 5760, 32], 39), { ok: true, value: ((2880 * 5760 * 32) / 32) * 17 });
    assert.deepEqual(sizeOf([128], 0), { ok: true, value: 512 });
    assert.deepEqual(sizeOf([], 30), { ok: true, value: 2 });
    assert.deepEqual(sizeOf([64, 3], 42), { ok: true, value: 54 });
  });

  for (const type of [4, 5, 31, 32, 33, 36, 37, 38]) {
    it(`refuse type ${type}, which ggml removed`, () => {
      const size = sizeOf([256], type);
      assert.ok(!size.ok);
      assert.match(size.error, new RegExp(`^tensor "blk.0.attn_q.weight" has type ${type}, which ggml has removed: `));
    });
  }

  it("refuse what they cannot size", () => {
    const refused: ReadonlyArray<readonly [shape: readonly number[], type: number, reason: RegExp]> = [
      [[256], 43, /has type 43, which is not a ggml type known here/],
      [[256], 2 ** 32 - 1, /has type 4294967295, which is not a ggml type/],
      [[255, 2], 12, /rows of 255 elements, not a multiple of the 256 that Q4_K needs/],
      [[2 ** 40, 2 ** 20], 0, /shape 1099511627776 x 1048576, more than any file can hold/],
      [[2 ** 50, 16], 19, /shape 1125899906842624 x 16, more than any file can hold/],
      [[2 ** 52], 28, /shape 4503599627370496, more than any file can hold/],
    ];
    for (const [shape, type, reason] of refused) {
      const size = sizeOf(shape, type);
      assert.ok(!size.ok);
      assert.match(size.error, reason);
    }
  });
});
