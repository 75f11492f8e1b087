import assert from "node:assert/strict";
import { GiB } from "../../api/bytes.ts";
import { type BudgetInput, resolveBudget } from "../../memory/budget.ts";
import type { Estimate } from "../../memory/estimate/types.ts";
import { decideFit } from "../../memory/fit.ts";

function needing(totalBytes: number): Estimate {
  return {
    architecture: "llama",
    confidence: "exact",
    fileBytes: totalBytes,
    weightsBytes: totalBytes,
    contextBytes: { kv: 0, recurrent: 0 },
    computeBytes: { device: 0, host: 0 },
    outputBytes: 0,
    parts: { weights: totalBytes },
    totalBytes,
    notes: [],
  };
}

function decide(need: number, input: BudgetInput) {
  const budget = resolveBudget(input);
  assert.ok(budget.ok);
  return decideFit(needing(need), budget.value);
}

// docs/background/llmkube.md, "Conformance vectors": the rows on what fits.
describe("decideFit", () => {
  const vectors: ReadonlyArray<readonly [need: number, input: BudgetInput, fits: boolean, headroom: number]> = [
    [10 * GiB, { memoryFraction: 0.75, hostMemoryBytes: 48 * GiB }, true, 27917287424],
    [14 * GiB, { memoryFraction: 0.67, hostMemoryBytes: 16 * GiB }, false, 0],
    [12 * GiB, { memoryFraction: 0.75, hostMemoryBytes: 16 * GiB }, true, 0],
    [12 * GiB + 1, { memoryFraction: 0.75, hostMemoryBytes: 16 * GiB }, false, 0],
    [10 * GiB, { memoryBudget: "24Gi" }, true, 14 * GiB],
    [20 * GiB, { memoryBudget: "8Gi" }, false, 0],
  ];
  for (const [need, input, fits, headroomBytes] of vectors) {
    it(`${need} of ${JSON.stringify(input)}: ${fits ? "fits" : "does not fit"}`, () => {
      const decision = decide(need, input);
      assert.equal(decision.fits, fits);
      assert.equal(decision.headroomBytes, headroomBytes);
      assert.equal(decision.reason, fits ? "Fits" : "InsufficientMemory");
    });
  }

  it("says need, budget, its source and what is missing", () => {
    const decision = decide(20 * GiB, { memoryBudget: "8Gi" });
    assert.equal(decision.message, "estimated 20.0 GiB required, budget 8.0 GiB (absolute from CRD), 12.0 GiB short");
  });

  it("points at a budget that lacks its unit", () => {
    assert.match(
      decide(GiB, { memoryBudget: "24" }).message,
      /memoryBudget "24" is only 24 B; add a unit such as Mi or Gi/,
    );
  });

  it("refuses a need that is not known, however large the budget", () => {
    const budget = resolveBudget({ memoryBudget: "512Gi" });
    assert.ok(budget.ok);
    const unknown: Estimate = {
      architecture: "novel",
      confidence: "unknown",
      fileBytes: 1,
      weightsBytes: 1,
      notes: ["no rule for novel"],
    };
    const decision = decideFit(unknown, budget.value);
    assert.deepEqual(decision, {
      fits: false,
      reason: "MemoryCheckFailed",
      message: "the memory need is unknown (no rule for novel), budget 512.0 GiB (absolute from CRD)",
      headroomBytes: 0,
    });
  });
});
