import assert from "node:assert/strict";
import { awakeClock } from "../../../agent/lifecycle/awake-clock.ts";

const HOUR = 3_600_000;

describe("the clock of deadlines", () => {
  let now: number;
  let clock: ReturnType<typeof awakeClock>;
  const later = (milliseconds: number) => {
    now += milliseconds;
    return clock();
  };
  beforeEach(() => {
    now = 5000;
    clock = awakeClock(() => now);
  });

  it("goes with the machine's, and stands still while the machine sleeps", () => {
    assert.equal(later(0), 5000);
    assert.equal(later(1000), 6000);
    assert.equal(later(10_000), 16_000);
    assert.equal(later(8 * HOUR), 17_000);
    assert.equal(later(1000), 18_000);
  });

  it("counts a night of short wakes as those wakes, whatever lies between them", () => {
    for (let wakes = 0; wakes < 100; wakes += 1) {
      later(HOUR);
      later(1000);
    }
    assert.equal(later(0), 5000 + 100 * 2000);
  });

  it("says when the machine woke, and takes nothing for a sleep that a busy machine does too", () => {
    assert.equal(clock.wokeAt(), undefined);
    later(29_000);
    assert.equal(clock.wokeAt(), undefined);
    later(HOUR);
    assert.equal(clock.wokeAt(), 7000);
    later(1000);
    assert.equal(clock.wokeAt(), 7000);
    later(30_000);
    assert.equal(clock.wokeAt(), 9000);
  });
});
