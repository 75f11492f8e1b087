import assert from "node:assert/strict";
import { type FootprintHistory, NO_SAMPLES, withSample } from "../../../agent/decisions/footprint.ts";
import { isSettled } from "../../../agent/decisions/settled.ts";

const MIB = 2 ** 20;
const STARTED = 5_000_000;
const ESTIMATE = 1000 * MIB;

/** One sample a second after the start, in MiB; null: it failed. */
function after(samples: readonly (number | null)[]): FootprintHistory {
  return samples.reduce<FootprintHistory>(
    (before, sample, index) =>
      withSample(before, sample === null ? null : sample * MIB, 2000 * MIB, STARTED + (index + 1) * 1000),
    NO_SAMPLES,
  );
}

describe("a model that starts holds up the next one", () => {
  const cases: readonly (readonly [what: string, samples: readonly (number | null)[], settled: boolean])[] = [
    ["before its first sample", [], false],
    ["while it loads", [100, 300, 500, 700, 900], false],
    ["after one sample without growth", [900, 900], false],
    ["not after two, if it holds half of its estimate", [900, 900, 900], true],
    ["not while it grows by little: caches and buffers", [900, 905, 910], true],
    ["still, if it has loaded next to nothing so far", [20, 20, 20], false],
    ["not if it loads nothing for five seconds", [20, 20, 20, 20, 20, 20], true],
    ["again once it grows after a pause", [500, 500, 500, 600], false],
    ["still, if its samples failed", [null, null, null], false],
    ["not because a sample failed in between", [900, null, 900, 900], true],
  ];
  for (const [what, samples, settled] of cases) {
    it(`${what}: ${settled ? "the next may start" : "the next waits"}`, () => {
      const { measuredBytes, flatSince } = after(samples);
      const now = STARTED + samples.length * 1000;
      const start = { startedAt: STARTED, estimateBytes: ESTIMATE, measuredBytes, flatSince };
      assert.equal(isSettled(start, now), settled);
    });
  }

  it("no longer than 30 s, whatever it does", () => {
    const start = { startedAt: STARTED, estimateBytes: ESTIMATE, measuredBytes: undefined, flatSince: undefined };
    assert.deepEqual(
      [29_999, 30_000].map((later) => isSettled(start, STARTED + later)),
      [false, true],
    );
  });
});
