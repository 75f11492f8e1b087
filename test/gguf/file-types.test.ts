import assert from "node:assert/strict";
import { QUANTIZATIONS, quantizationOf } from "../../gguf/file-types.ts";
import type { GgufHeader } from "../../gguf/header.ts";
import { GGML_TYPES } from "../../gguf/tensor-types.ts";

/** @param tensors ggml type ids, each with its elements */
function header(fileType: unknown, tensors: ReadonlyArray<readonly [type: number, elements: number]> = []): GgufHeader {
  return {
    version: 3,
    fileBytes: 2 ** 30,
    dataOffset: 1024,
    metadata: new Map(fileType === undefined ? [] : [["general.file_type", fileType as number]]),
    tensors: tensors.map(([type, elements], index) => ({ name: `t${index}`, shape: [elements], type, offset: 0 })),
  };
}

describe("quantizationOf", () => {
  const named: ReadonlyArray<readonly [fileType: unknown, name: string | undefined]> = [
    [15, "Q4_K_M"],
    [7, "Q8_0"],
    [1024 + 3, "Q4_1"],
    [99_999, undefined],
    [-1, undefined],
    ["Q4_K_M", undefined],
    [undefined, undefined],
  ];
  for (const [fileType, name] of named) {
    it(`takes general.file_type ${fileType} for ${name}`, () => {
      assert.equal(quantizationOf(header(fileType)).fileType, name);
    });
  }

  it("names the type that most bytes have, not most tensors", () => {
    const mixed = header(undefined, [
      [0, 256],
      [0, 256],
      [12, 256 * 1000],
    ]);
    assert.equal(quantizationOf(mixed).mostTensors, "Q4_K");
    assert.equal(quantizationOf(header(15)).mostTensors, undefined);
  });

  it("does not count a tensor whose size is not known", () => {
    assert.equal(quantizationOf(header(15, [[4, 256]])).mostTensors, undefined);
  });

  it("has names for the types of tensors", () => {
    for (const { name } of GGML_TYPES.values()) assert.ok(QUANTIZATIONS.has(name), name);
  });
});
