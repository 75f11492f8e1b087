import assert from "node:assert/strict";
import { GiB } from "../../api/bytes.ts";
import { BUDGETS } from "../../examples/demo/budgets.ts";
import type { GgufHeader } from "../../gguf/header.ts";
import { leastWorkingSetBytes, resolveAllocatable } from "../../memory/allocatable.ts";
import { resolveBudget } from "../../memory/budget.ts";
import type { EstimateSettings } from "../../memory/estimate/types.ts";
import { decideFit } from "../../memory/fit.ts";
import { estimateServed } from "../../memory/served.ts";
import { LOAD_MODE } from "../../serving/default-settings.ts";
import { gemmaHeader } from "../support/gemma-header.ts";
import { SETTINGS } from "../support/settings.ts";

/** What the fixture's header lacks: the token tables of its vocabulary, measured with the real file. */
const VOCABULARY_BYTES = 60 * 2 ** 20;

describe("the budgets of the demo", () => {
  let header: GgufHeader;
  before(async () => {
    header = await gemmaHeader();
  });

  function fits(settings: EstimateSettings, memoryBudget: string, spareBytes: number, host: object): boolean {
    const estimate = estimateServed({ header }, settings);
    const budget = resolveBudget({ ...host, memoryBudget });
    assert.ok(estimate.ok && estimate.value.confidence !== "unknown" && budget.ok);
    return decideFit({ ...estimate.value, totalBytes: estimate.value.totalBytes + spareBytes }, budget.value).fits;
  }

  for (const gib of [8, 64]) {
    for (const part of [{ backend: "cpu" }, { backend: "metal" }, { backend: "metal", tableOnGpu: true }] as const) {
      it(`do what the headings say on a Mac with ${gib} GiB, by ${JSON.stringify(part)}`, () => {
        const workingSetBytes = leastWorkingSetBytes(gib * GiB);
        const host = { hostMemoryBytes: gib * GiB, workingSetBytes };
        const settings = { ...SETTINGS, ...part, loadMode: LOAD_MODE };
        assert.equal(fits({ ...settings, contextSize: 32_768 }, BUDGETS.refused, 0, host), false);
        assert.equal(fits(settings, BUDGETS.served, VOCABULARY_BYTES, host), true);
        assert.equal(fits(settings, BUDGETS.exceeded, 0, host), false);
        const allocatable = resolveAllocatable({ backend: "metal", physicalMemoryBytes: gib * GiB, workingSetBytes });
        const served = resolveBudget({ memoryBudget: BUDGETS.served });
        assert.ok(allocatable.ok && served.ok && served.value.bytes <= allocatable.value.bytes);
      });
    }
  }
});
