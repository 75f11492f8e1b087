import assert from "node:assert/strict";
import {
  exceededMessage,
  exceeds,
  type FootprintHistory,
  implausibleNote,
  NO_SAMPLES,
  nearNote,
  nextSampleMs,
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
  const MIB = 2 ** 20;
  const budget = 1000 * MIB;
  const hard = 1032 * MIB;
  const intervals: readonly (readonly [what: string, samples: readonly number[], nextMs: number])[] = [
    ["far from the budget", [100, 100], 1000],
    ["shrinking", [900, 100], 1000],
    ["growing, but a second will not be enough", [100, 200], 1000],
    ["growing so that it is over the budget in half a second", [400, 800], 500],
    ["growing so fast that it is over at once", [100, 950], 250],
    ["over the budget, below the hard limit", [1010], 500],
    ["above the hard limit", [1033], 250],
    ["after one sample, whose growth is not known", [999], 1000],
  ];
  for (const [what, samples, nextMs] of intervals) {
    it(`${what}: the next one is due in ${nextMs} ms`, () => {
      const history = samples.reduce<FootprintHistory>(
        (before, sample, index) => withSample(before, sample * MIB, budget, NOW + index * 1000),
        NO_SAMPLES,
      );
      assert.equal(Math.round(nextSampleMs(history, budget, hard)), nextMs);
    });
  }

  const plausible: readonly (readonly [what: string, measured: number | null, weights: number, said: boolean])[] = [
    ["more than its weights", 900, 700, false],
    ["a little less than its weights: some of them may be compressed or swapped", 400, 700, false],
    ["far less than its weights", 300, 700, true],
    ["nothing, since it was not measured yet", null, 700, false],
    ["little, and its weights are not known", 10, 0, false],
  ];
  for (const [what, measured, weights, said] of plausible) {
    it(`says nothing before it was measured as Ready, where it holds ${what}`, () => {
      const history = withSample(NO_SAMPLES, measured === null ? null : measured * MIB, budget, NOW);
      assert.equal(implausibleNote(history, weights * MIB, NOW + 1), undefined);
    });
    it(`${what}: ${said ? "not all that it uses is measured" : "plausible"}`, () => {
      const history = withSample(NO_SAMPLES, measured === null ? null : measured * MIB, budget, NOW);
      const note = implausibleNote(history, weights * MIB, NOW);
      assert.equal(note !== undefined, said);
      if (said)
        assert.match(note ?? "", /^enforcement unknown: measured 300\.0 MiB, but its weights alone are 700\.0 MiB/);
    });
  }

  it("near the budget: says so, but not of a budget that was raised since the sample", () => {
    const history = withSample(NO_SAMPLES, 950 * MIB, budget, NOW);
    const noteAt = (bytes: number) => nearNote(history, { bytes, source: "crd-budget" });
    assert.match(noteAt(budget) ?? "", /^near its budget: measured 950\.0 MiB, 95 % of budget 1000\.0 MiB/);
    assert.equal(noteAt(3 * budget), undefined);
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
