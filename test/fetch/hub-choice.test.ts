import assert from "node:assert/strict";
import { chooseFile } from "../../fetch/hub-choice.ts";

describe("the file of a repository for a quantization", () => {
  const several = ["README.md", "m-Q4_K_M.gguf", "m-Q8_0.gguf", "m.IQ2_XS.gguf", "m-f16.gguf", "mmproj-F16.gguf"];
  const split = ["Q8_0/m-Q8_0-00001-of-00002.gguf", "Q8_0/m-Q8_0-00002-of-00002.gguf", "m-Q4_0.gguf"];

  const found: readonly [what: string, files: readonly string[], quantization: string | undefined, file: string][] = [
    ["by its name", several, "Q4_K_M", "m-Q4_K_M.gguf"],
    ["in any case", several, "q8_0", "m-Q8_0.gguf"],
    ["after a dot", several, "IQ2_XS", "m.IQ2_XS.gguf"],
    ["and no projector", several, "F16", "m-f16.gguf"],
    [
      "the only one, without a quantization",
      ["m-Q4_0.gguf", "mmproj-m.gguf", "m.imatrix.gguf"],
      undefined,
      "m-Q4_0.gguf",
    ],
    ["the only one, whatever its name", ["model.gguf"], undefined, "model.gguf"],
    ["the first shard of a split model", split, "Q8_0", "Q8_0/m-Q8_0-00001-of-00002.gguf"],
    ["with a publisher's prefix", ["m-UD-Q4_K_XL.gguf", "m-Q4_K_M.gguf"], "Q4_K_XL", "m-UD-Q4_K_XL.gguf"],
    ["the exact one before that with a prefix", ["m-UD-Q2_K.gguf", "m-Q2_K.gguf"], "Q2_K", "m-Q2_K.gguf"],
    ["by the folder of its file", ["BF16/m.gguf", "Q4_0/m.gguf"], "Q4_0", "Q4_0/m.gguf"],
    ["that is all of the name", ["a/Q4_0.gguf", "a/Q8_0.gguf"], "q8_0", "a/Q8_0.gguf"],
    ["and not a part of a longer one", ["m-Q4_K_M.gguf", "m-Q4_K.gguf"], "Q4_K", "m-Q4_K.gguf"],
    ["not from the name of the model", ["q8-m-Q4_0.gguf"], "Q4_0", "q8-m-Q4_0.gguf"],
  ];
  for (const [what, files, quantization, file] of found) {
    it(`is found: ${what}`, () => assert.deepEqual(chooseFile(files, quantization), { ok: true, value: file }));
  }

  const refused: readonly [files: readonly string[], quantization: string | undefined, says: string][] = [
    [
      ["config.json", "mmproj.gguf"],
      "Q4_0",
      "it has no GGUF file: choose a repository that has some, whose name often ends in GGUF",
    ],
    [several, "Q5_0", 'it has no file in "Q5_0"; it has Q4_K_M, Q8_0, F16, IQ2_XS'],
    [several, undefined, "it has 4 models; give a quantization: it has Q4_K_M, Q8_0, F16, IQ2_XS"],
    [
      ["a-Q4_0.gguf", "b-Q4_0.gguf"],
      "Q4_0",
      "it has 2 models in Q4_0; name one of them in source: a-Q4_0.gguf, b-Q4_0.gguf",
    ],
    [
      split.slice(1),
      "Q8_0",
      '"Q8_0/m-Q8_0-00002-of-00002.gguf" is of a model in 2 files, of which the repository has only 1',
    ],
    [["odd.gguf", "m-Q4_0.gguf"], "Q8_0", 'it has no file in "Q8_0"; it has Q4_0, "odd.gguf"'],
  ];
  for (const [files, quantization, says] of refused) {
    it(`is refused: ${says}`, () => {
      const chosen = chooseFile(files, quantization);
      assert.equal(chosen.ok ? chosen.value : chosen.error, says);
    });
  }

  it("names a bounded number of what there is", () => {
    const many = Array.from({ length: 100 }, (_, index) => `m${index}-Q4_0.gguf`);
    const chosen = chooseFile(many, "Q4_0");
    assert.ok(!chosen.ok && chosen.error.endsWith(" and 76 more"), JSON.stringify(chosen));
  });
});
