import assert from "node:assert/strict";
import fc from "fast-check";
import { MiB } from "../../../api/bytes.ts";
import { promptCacheBytes, promptCacheWithin } from "../../../memory/estimate/prompt-cache-size.ts";

describe("what a prompt cache is charged with", () => {
  const cases: readonly (readonly [limitMiB: number, chargedMiB: number, why: string])[] = [
    [0, 0, "none"],
    [1, 2, "the limit again: no hole is larger than what was in it"],
    [16, 32, "the limit again"],
    [17, 33, "16 MiB at least"],
    [64, 80, "16 MiB at least"],
    [256, 272, "16 MiB at least"],
    [257, 274, "a sixteenth, rounded up"],
    [512, 544, "a sixteenth"],
    [8192, 8704, "a sixteenth"],
  ];
  for (const [limitMiB, chargedMiB, why] of cases) {
    it(`--cache-ram ${limitMiB}: ${chargedMiB} MiB, ${why}`, () =>
      assert.equal(promptCacheBytes(limitMiB), chargedMiB * MiB));
  }

  it("tells the largest that fits: it does, and a MiB more does not", () => {
    fc.assert(
      fc.property(fc.nat(2 ** 36), (bytes) => {
        const limit = promptCacheWithin(bytes);
        assert(limit === 0 || promptCacheBytes(limit) <= bytes);
        assert(promptCacheBytes(limit + 1) > bytes);
      }),
    );
    for (let mib = 0; mib < 1000; mib += 1) {
      const limit = promptCacheWithin(mib * MiB);
      assert(promptCacheBytes(limit) <= mib * MiB && promptCacheBytes(limit + 1) > mib * MiB, `${mib} MiB`);
    }
  });

  it("finds room for none where less than nothing is left", () => assert.equal(promptCacheWithin(-5 * MiB), 0));
});
