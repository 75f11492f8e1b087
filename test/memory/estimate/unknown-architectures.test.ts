import assert from "node:assert/strict";
import { estimatedSmall, FULL, TOKEN, WINDOW } from "../../support/small-models.ts";

describe("estimate of an architecture whose rules or keys are not all known", () => {
  for (const architecture of ["gemma4", "mimo2", "step35", "granite_swa", "spark2_5", "maple"]) {
    it(`${architecture}: unknown without a flag for each layer`, async () => {
      const found = await estimatedSmall(architecture, 3, { ...WINDOW, "attention.sliding_window_pattern": 4 });
      assert.equal(found.confidence, "unknown");
      assert.match(found.notes.join(), /lacks ".*\.attention\.sliding_window_pattern" with one flag for each layer/);
    });
  }

  for (const architecture of ["mamba2", "lfm2", "rwkv7", "kimi-linear"]) {
    it(`${architecture}: unknown without the keys of its state`, async () => {
      const found = await estimatedSmall(architecture, 3, {});
      assert.equal(found.confidence, "unknown");
      assert.match(found.notes.join(), /lacks the keys from which the recurrent state of .* is computed/);
    });
  }

  it("bounds an unknown architecture with plain attention by full attention on every layer, window or not", async () => {
    const found = await estimatedSmall("novel", 3, WINDOW);
    assert.ok(found.confidence === "bounded", found.notes.join());
    assert.equal(found.contextBytes.kv, 3 * FULL * TOKEN);
    assert.match(found.notes.join(), /no rule yet for architecture "novel"; full attention on every layer is assumed/);
  });

  for (const key of ["ssm.state_size", "wkv.head_size", "shortconv.l_cache", "attention.compress_ratios", "novelty"]) {
    it(`does not guess at an unknown architecture with ${key}`, async () => {
      const found = await estimatedSmall("novel", 3, { [key]: 4 });
      assert.equal(found.confidence, "unknown");
      assert.match(
        found.notes.join(),
        new RegExp(`its key "novel\\.${key.replaceAll(".", "\\.")}" may mean that it is not plain attention`),
      );
    });
  }
});
