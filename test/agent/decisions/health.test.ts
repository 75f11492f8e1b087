import assert from "node:assert/strict";
import {
  answersNoMore,
  failedAgain,
  failsForGood,
  failuresOfDay,
  gpuFaultMessage,
  hangs,
  isWorking,
  type Work,
  withCount,
} from "../../../agent/decisions/health.ts";

const work = (cpuSeconds: number | null, logBytes: number | null): Work => ({ cpuSeconds, logBytes });

describe("a server that does not answer", () => {
  const cases: readonly (readonly [what: string, before: Work | undefined, now: Work, working: boolean])[] = [
    ["the first time", undefined, work(1, 1), true],
    ["and does nothing", work(1, 1), work(1, 1), false],
    ["and does next to nothing, as at rest", work(1, 1), work(1.1, 1), false],
    ["and computes", work(1, 1), work(3, 1), true],
    ["and waits for the GPU, but says how far it is", work(1, 1), work(1, 99), true],
    ["and writes a log that was cut meanwhile", work(1, 99), work(1, 1), true],
    ["and whose processor time cannot be read", work(1, 1), work(null, 1), false],
    ["and of which nothing can be read", work(1, 1), work(null, null), true],
  ];
  for (const [what, before, now, working] of cases) {
    it(`${what}: ${working ? "may be busy" : "is hung"}`, () => {
      assert.equal(isWorking(before, now, 10_000), working);
    });
  }
});

describe("a server that gives no answer to a test request", () => {
  const cases: readonly (readonly [what: string, now: Work, elapsedMs: number, hung: boolean])[] = [
    ["for all of its time, and does nothing", work(1, 1), 120_000, true],
    ["for all of its time by a timer that was a little early", work(1, 1), 119_500, true],
    ["for all of its time, and computes", work(9, 1), 120_000, false],
    ["for all of its time, and says how far it is", work(1, 99), 120_000, false],
    ["for all of its time, and nothing of it can be read", work(null, null), 120_000, false],
    ["because nobody listens", work(1, 1), 5, false],
    ["in time that the machine slept through", work(1, 1), 1005, false],
  ];
  for (const [what, now, elapsedMs, hung] of cases) {
    it(`${what}: ${hung ? "hangs" : "proves nothing"}`, () => {
      assert.equal(hangs(work(1, 1), now, elapsedMs, 120_000), hung);
    });
  }
});

describe("a server that was Ready and fails", () => {
  it("answers no more after two failures three seconds apart, and not after one, nor after two at once", () => {
    const why = { reason: "TestRequestFailed", message: "m" };
    assert.equal(failsForGood(failedAgain(undefined, why, 1000), 1000), false);
    assert.equal(failsForGood(failedAgain(undefined, { ...why, lasting: true }, 1000), 1000), true);
    const once = failedAgain(undefined, why, 1000);
    assert.equal(answersNoMore(once, 100_000), false);
    assert.equal(answersNoMore(failedAgain(once, why, 1100), 1100), false);
    assert.equal(answersNoMore(failedAgain(once, why, 6000), 6000), true);
  });

  it("is told of a GPU fault with its cause, the sleep before it, and what helps", () => {
    const fault = { what: "the GPU hung over its work", advice: "lower uBatchSize" };
    const end = "and no request succeeds until a restart; if it happens again, lower uBatchSize";
    assert.equal(gpuFaultMessage(fault, undefined, 9e6), `the GPU hung over its work, ${end}`);
    const slept = `the GPU hung over its work soon after the machine woke from sleep, ${end}`;
    assert.equal(gpuFaultMessage(fault, 9e6 - 299_000, 9e6), slept);
    assert.equal(gpuFaultMessage(fault, 9e6 - 300_000, 9e6), `the GPU hung over its work, ${end}`);
  });

  it("is told how often within a day", () => {
    const day = 24 * 3_600_000;
    assert.equal(withCount("m", failuresOfDay([], 5)), "m");
    assert.equal(withCount("m", failuresOfDay([5], day)), "m (failure 2 within 24 hours)");
    assert.equal(withCount("m", failuresOfDay([5], day + 5)), "m");
  });
});
