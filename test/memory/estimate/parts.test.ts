import assert from "node:assert/strict";
import { PART_GROUPS, PARTS, partLabel } from "../../../memory/estimate/parts.ts";

describe("parts of an estimate", () => {
  it("have different labels, and belong to groups that are shown", () => {
    const labels = Object.values(PARTS).map(({ label }) => label);
    assert.equal(new Set(labels).size, labels.length);
    const groups = new Set(Object.values(PARTS).map(({ group }) => group));
    assert.deepEqual([...groups].sort(), Object.keys(PART_GROUPS).sort());
  });

  for (const [part, label] of [
    ["kv", "KV cache"],
    ["computeHost", "CPU compute buffer"],
    ["tiedCopy", "second copy of the embeddings"],
    ["attentionHost", "attention on the CPU"],
    ["loading", "loading peak"],
    ["part-of-a-later-version", "part-of-a-later-version"],
    ["toString", "toString"],
  ] as const) {
    it(`${part} is called ${label}`, () => assert.equal(partLabel(part), label));
  }
});
