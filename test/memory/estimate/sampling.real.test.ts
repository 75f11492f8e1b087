import assert from "node:assert/strict";
import { estimate } from "../../../memory/estimate/estimate.ts";
import { ensureTool } from "../../../toolchain/ensure.ts";
import { gemmaHeader } from "../../support/gemma-header.ts";
import { SETTINGS } from "../../support/settings.ts";
import { headerOf } from "../../support/truth-models.ts";

describe("the header of Gemma 3 270M that tests without a server use", function () {
  this.timeout(600_000);

  it("needs what the real file needs", async () => {
    const real = await headerOf(await ensureTool("gemma3-270m", () => {}));
    const copied = await gemmaHeader();
    assert.deepEqual(copied.tensors, real.tensors);
    for (const parallel of [1, 4]) {
      const settings = { ...SETTINGS, parallel, backend: "cpu" } as const;
      const [expected, found] = [real, copied].map((header) => estimate(header, settings));
      assert(
        expected?.ok && found?.ok && expected.value.confidence !== "unknown" && found.value.confidence !== "unknown",
      );
      assert.deepEqual(found.value.parts, expected.value.parts);
    }
  });
});
