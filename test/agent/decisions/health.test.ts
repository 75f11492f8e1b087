import assert from "node:assert/strict";
import { isWorking, type Work } from "../../../agent/decisions/health.ts";

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
