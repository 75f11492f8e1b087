import assert from "node:assert/strict";
import { progressText, rateMeter } from "../../../agent/store/progress.ts";

const MIB = 2 ** 20;

describe("the progress of a download", () => {
  const cases: readonly (readonly [done: number, total: number, rate: number | undefined, text: string])[] = [
    [0, 100, undefined, "0%"],
    [42, 100, 0, "42%"],
    [420 * MIB, 1000 * MIB, 18 * MIB, "42%, 18.0 MiB/s, 33 s left"],
    [0, 1000 * MIB, 5 * MIB, "0%, 5.0 MiB/s, 4 min left"],
    [0, 72_000 * MIB, 9 * MIB, "0%, 9.0 MiB/s, 2 h 14 min left"],
  ];
  for (const [done, total, rate, text] of cases) {
    it(`is ${text}`, () => assert.equal(progressText(done, total, rate), text));
  }

  it("is measured over the last ten seconds", () => {
    let now = 5000;
    const meter = rateMeter(() => now);
    assert.equal(meter.bytesPerSecond(), undefined);
    for (const perSecond of [1000, 3000]) {
      for (let tenths = 0; tenths < 150; tenths += 1) {
        now += 100;
        meter.add(perSecond / 10);
      }
      const rate = meter.bytesPerSecond() ?? 0;
      assert(Math.abs(rate - perSecond) < perSecond * 0.05, `${rate} for ${perSecond}`);
    }
  });
});
