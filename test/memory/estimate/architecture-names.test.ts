import assert from "node:assert/strict";
import { FAMILIES } from "../../../memory/estimate/families/table.ts";
import { architectureNames, NO_LANGUAGE_MODELS } from "../../support/architecture-names.ts";

describe("the architectures of the pinned llama.cpp", () => {
  for (const name of architectureNames()) {
    it(`${name} has a rule, or is no language model`, () => {
      assert.notEqual(Object.hasOwn(FAMILIES, name), NO_LANGUAGE_MODELS.has(name));
    });
  }

  it("are all that there are rules for, in their spelling", () => {
    const names = new Set(architectureNames());
    // Families that llama.cpp has dropped, or that forks still write.
    assert.deepEqual(
      Object.keys(FAMILIES).filter((name) => !names.has(name)),
      [],
    );
  });
});
