import assert from "node:assert/strict";
import { backOffMs, breachBackOff, breachesAfter, failuresAfter } from "../../../agent/decisions/back-off.ts";

const NOW = 5_000_000;

describe("back-off", () => {
  it("does not restart after the third breach within an hour, and says so", () => {
    const HOUR = 3_600_000;
    let breaches: readonly number[] = [];
    const breach = (at: number) => {
      breaches = breachesAfter(breaches, at);
      return breachBackOff(breaches, "m", at);
    };
    assert.deepEqual(breach(NOW), { state: "BackOff", reason: "BudgetExceeded", message: "m", until: NOW + 60_000 });
    assert.equal(breach(NOW + 100_000).until, NOW + 100_000 + 120_000);
    const last = breach(NOW + HOUR - 1);
    assert.deepEqual([last.state, last.until], ["Failed", Number.POSITIVE_INFINITY]);
    assert.match(
      last.message,
      /^m; third breach within an hour: it is not restarted until its budget or settings change$/,
    );
    assert.equal(breach(NOW + 100_000 + HOUR).state, "BackOff");
  });

  it("doubles from a second to five minutes, and for budgets from a minute to an hour", () => {
    const seconds = (kind: "crash" | "budget") =>
      [1, 2, 3, 9, 10, 1000].map((failures) => backOffMs(kind, failures) / 1000);
    assert.deepEqual(seconds("crash"), [1, 2, 4, 256, 300, 300]);
    assert.deepEqual(seconds("budget"), [60, 120, 240, 3600, 3600, 3600]);
  });

  it("starts again at the first wait after ten minutes Ready", () => {
    assert.equal(failuresAfter(5, undefined, NOW), 6);
    assert.equal(failuresAfter(5, NOW - 599_999, NOW), 6);
    assert.equal(failuresAfter(5, NOW - 600_000, NOW), 1);
  });
});
