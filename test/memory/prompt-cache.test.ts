import assert from "node:assert/strict";
import { GiB, MiB } from "../../api/bytes.ts";
import type { PromptCache } from "../../api/on-demand.ts";
import { promptCacheMiB, servingBytes, withPromptCache } from "../../memory/prompt-cache.ts";

describe("the size of a prompt cache", () => {
  const cases: readonly (readonly [what: string, wanted: PromptCache, allowed: number, need: number, mib: number])[] = [
    ["off", "off", 8 * GiB, GiB, 0],
    ["a quantity, whatever is left", 512 * MiB, GiB, GiB, 512],
    ["a quantity in whole MiB", 512 * MiB + 12345, 8 * GiB, GiB, 512],
    ["auto: what is left, less a sixteenth", "auto", 2 * GiB, GiB, 960],
    ["auto: at most 8 GiB", "auto", 64 * GiB, GiB, 8192],
    ["auto: less 16 MiB at least", "auto", GiB + 100 * MiB, GiB, 84],
    ["auto: no less than 64 MiB", "auto", GiB + 80 * MiB, GiB, 64],
    ["auto: nothing in less", "auto", GiB + 79 * MiB, GiB, 0],
    ["auto: nothing where the model itself does not fit", "auto", GiB, 2 * GiB, 0],
  ];
  for (const [what, wanted, allowedBytes, needBytes, mib] of cases) {
    it(what, () => assert.equal(promptCacheMiB(wanted, { allowedBytes, needBytes }), mib));
  }

  it("never reaches the limit with auto", () => {
    for (let left = 0; left < 20 * GiB; left += 37 * MiB + 1) {
      assert(promptCacheMiB("auto", { allowedBytes: GiB + left, needBytes: GiB }) * MiB <= left);
    }
  });
});

describe("an estimate with a prompt cache", () => {
  const parts = { weights: 100 * MiB, kv: 10 * MiB, loading: 30 * MiB };

  it("has it as a part of its own, beside what the server holds once it has loaded", () => {
    assert.deepEqual(withPromptCache(parts, 20), { ...parts, loading: 10 * MiB, promptCache: 20 * MiB });
    assert.equal(withPromptCache(parts, 64)["loading"], 0);
    assert.equal(servingBytes(withPromptCache(parts, 64)), 110 * MiB);
  });

  it("has no such part without one", () => {
    assert.deepEqual(withPromptCache({ ...parts, promptCache: MiB }, 0), parts);
  });
});
