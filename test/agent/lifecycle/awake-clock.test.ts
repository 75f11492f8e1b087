import assert from "node:assert/strict";
import { awakeClock } from "../../../agent/lifecycle/awake-clock.ts";

describe("the clock of deadlines", () => {
  it("goes with the machine's, and stands still while the machine sleeps", () => {
    let now = 5000;
    const clock = awakeClock(() => now);
    const later = (milliseconds: number) => {
      now += milliseconds;
      return clock();
    };
    assert.equal(later(0), 5000);
    assert.equal(later(1000), 6000);
    assert.equal(later(30_000), 36_000);
    assert.equal(later(8 * 3_600_000), 66_000);
    assert.equal(later(1000), 67_000);
  });
});
