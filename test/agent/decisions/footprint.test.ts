import assert from "node:assert/strict";
import {
  exceededMessage,
  exceeds,
  type FootprintHistory,
  isSampleDue,
  NO_SAMPLES,
  withSample,
} from "../../../agent/decisions/footprint.ts";

const NOW = 5_000_000;

describe("the watchdog", () => {
  const cases: readonly (readonly [name: string, samples: readonly (number | null)[], stops: boolean])[] = [
    ["within budget", [99, 100, 100], false],
    ["one sample over", [101], false],
    ["over, within, over", [101, 99, 101], false],
    ["two over", [101, 101], true],
    ["two over with a failed one between", [101, null, 101], true],
    ["two over, and the last failed: unknown stops nothing", [101, 101, null], false],
    ["all failed", [null, null, null], false],
    ["no memory at all", [0, 0], false],
  ];
  for (const [name, samples, stops] of cases) {
    it(`${name}: ${stops ? "stops it" : "leaves it"}`, () => {
      const history = samples.reduce<FootprintHistory>(
        (before, sample) => withSample(before, sample, 100, NOW),
        NO_SAMPLES,
      );
      assert.equal(exceeds(history), stops);
      assert.equal(history.unknown, samples.at(-1) === null);
    });
  }
});

describe("memory samples", () => {
  it("are a second apart, however often the supervisor is woken", () => {
    const history = withSample(NO_SAMPLES, 101, 100, NOW);
    assert.deepEqual(
      [0, 500, 899, 900, 1000].map((later) => isSampleDue(history, NOW + later)),
      [false, false, false, true, true],
    );
    assert.equal(isSampleDue(NO_SAMPLES, NOW), true);
    assert.equal(isSampleDue(withSample(NO_SAMPLES, null, 100, NOW), NOW + 1), false);
  });

  it("over the budget: the message names the budget, its source, and the budget that would do", () => {
    const budget = { bytes: 128 * 2 ** 20, source: "crd-budget" } as const;
    const history = withSample(NO_SAMPLES, 300.5 * 2 ** 20, budget.bytes, NOW);
    assert.match(
      exceededMessage(history, budget),
      /^measured 300\.5 MiB, budget 128\.0 MiB \(absolute from CRD\): .*raise memoryBudget to at least 301Mi/,
    );
  });
});
