import assert from "node:assert/strict";
import { quantile, quantiles, tally } from "../../bench/gateway/figures.ts";
import { planTrace, randomOf, zipf } from "../../bench/gateway/trace-plan.ts";

describe("the figures of bench:gateway", () => {
  const hundred = Array.from({ length: 100 }, (_, index) => 100 - index);

  it("gives the value that a share of all does not exceed", () => {
    assert.deepEqual(quantiles(hundred), { count: 100, p50: 50, p95: 95, p99: 99 });
    assert.deepEqual([quantile(hundred, 0), quantile(hundred, 1)], [1, 100]);
    assert.equal(quantile([7], 0.99), 7);
  });

  it("has no quantile of nothing", () => {
    assert.equal(quantile([], 0.5), Number.NaN);
  });

  it("counts outcomes, the most frequent first", () => {
    assert.deepEqual(Object.entries(tally(["a", "b", "b"])), [
      ["b", 2],
      ["a", 1],
    ]);
  });
});

describe("the trace of bench:gateway", () => {
  const shape = { requests: 500, models: 6, overMs: 100_000, seed: 1 };
  const plan = planTrace(shape);

  it("has as many requests as are wanted, by time, the last at the end", () => {
    assert.equal(plan.length, 500);
    assert.deepEqual(plan[0]?.atMs, 0);
    assert.ok(Math.abs((plan.at(-1)?.atMs ?? 0) - shape.overMs) < 1e-6);
    assert.ok(plan.every(({ atMs }, index) => atMs >= (plan[index - 1]?.atMs ?? 0)));
  });

  it("is the same for the same seed, and another for another", () => {
    assert.deepEqual(planTrace(shape), plan);
    assert.notDeepEqual(planTrace({ ...shape, seed: 2 }), plan);
  });

  it("asks for every model, and most for the first", () => {
    const many = planTrace({ ...shape, requests: 20_000 });
    const counts = zipf(6).map((_, model) => many.filter((one) => one.model === model).length);
    for (const [model, share] of zipf(6).entries()) {
      assert.ok(Math.abs((counts[model] ?? 0) / 20_000 - share) < 0.05, `model ${model}: ${counts[model]}`);
    }
  });

  it("comes in bursts: a request is followed by one for the same model more often than chance has it", () => {
    const sparse = planTrace({ ...shape, requests: 60, overMs: 600_000, seed: 3 });
    const same = sparse.filter(({ model }, index) => model === sparse[index + 1]?.model).length;
    assert.ok(same > sparse.length / 3, String(same));
  });

  it("copes with one request and with none", () => {
    assert.deepEqual(planTrace({ ...shape, requests: 1 }).length, 1);
    assert.deepEqual(planTrace({ ...shape, requests: 0 }), []);
  });

  it("gives shares whose sum is 1, falling", () => {
    const shares = zipf(6);
    assert.ok(Math.abs(shares.reduce((sum, one) => sum + one, 0) - 1) < 1e-9);
    assert.deepEqual(
      shares.toSorted((one, other) => other - one),
      shares,
    );
  });

  it("draws numbers from 0 up to 1, evenly", () => {
    const random = randomOf(7);
    const drawn = Array.from({ length: 10_000 }, () => random());
    assert.ok(drawn.every((one) => one >= 0 && one < 1));
    assert.ok(Math.abs(drawn.reduce((sum, one) => sum + one, 0) / drawn.length - 0.5) < 0.02);
  });
});
