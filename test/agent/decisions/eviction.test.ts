import assert from "node:assert/strict";
import {
  cooldownLeftMs,
  type Evictable,
  evictedAgain,
  returnMessage,
  victimOf,
} from "../../../agent/decisions/eviction.ts";
import {
  NO_PRESSURE_SAMPLES,
  type Pressure,
  pressureWait,
  withPressureSample,
} from "../../../agent/decisions/pressure.ts";
import type { PressureLevel } from "../../../agent/host/platform.ts";
import { workloadId } from "../../../agent/workload/workload-id.ts";

const GIB = 2 ** 30;

function holder(name: string, part: Partial<Evictable> = {}): Evictable {
  const plain = { priority: 2, protected: false, chargeBytes: GIB, budgetBytes: 8 * GIB, startedAt: 0, leaving: false };
  return { id: workloadId(name), ...plain, ...part };
}

function pressureAfter(...samples: readonly (PressureLevel | null)[]): Pressure {
  return samples.reduce(
    (pressure, sample, index) => withPressureSample(pressure, sample, index * 1000),
    NO_PRESSURE_SAMPLES,
  );
}

const critical = pressureAfter("critical", "critical");

describe("eviction under memory pressure", () => {
  const orders: readonly (readonly [what: string, holders: readonly Evictable[], victim: string | undefined])[] = [
    ["the lowest priority first", [holder("a", { chargeBytes: 4 * GIB }), holder("b", { priority: 1 })], "b"],
    [
      "then the one furthest over its budget",
      [holder("a", { chargeBytes: 4 * GIB }), holder("b", { budgetBytes: 1 })],
      "b",
    ],
    ["then one without a request", [holder("a", { chargeBytes: 4 * GIB, busy: true }), holder("b")], "b"],
    ["one with a request if it is over its budget", [holder("a", { busy: true, budgetBytes: 1 }), holder("b")], "a"],
    ["one with a request if its priority is lower", [holder("a", { busy: true, priority: 1 }), holder("b")], "a"],
    ["then the largest", [holder("a"), holder("b", { chargeBytes: 2 * GIB })], "b"],
    ["then the oldest", [holder("a", { startedAt: 2 }), holder("b", { startedAt: 1 })], "b"],
    ["never a protected one", [holder("a", { protected: true, priority: 0 }), holder("b")], "b"],
    ["nothing if all are protected", [holder("a", { protected: true }), holder("b", { protected: true })], undefined],
    ["never the last one (LLMKube#383)", [holder("a")], undefined],
    ["nothing while another one stops", [holder("a", { leaving: true }), holder("b"), holder("c")], undefined],
    ["none that is too small to help", [holder("a", { chargeBytes: 7 * 2 ** 20, priority: 0 }), holder("b")], "b"],
    [
      "LLMKube trap T9: not the innocent small one of another namespace, but the one over its budget",
      [
        holder("one/chat", { chargeBytes: 7 * 2 ** 20, budgetBytes: GIB }),
        holder("two/chat", { chargeBytes: 3 * GIB, budgetBytes: GIB }),
      ],
      "two/chat",
    ],
  ];
  for (const [what, holders, victim] of orders) {
    it(what, () => {
      assert.equal(victimOf(critical, holders), victim);
      assert.equal(victimOf(critical, holders.toReversed()), victim);
    });
  }

  const two = [holder("a"), holder("b", { priority: 0 })];
  const levels: readonly (readonly [what: string, pressure: Pressure, evicts: boolean])[] = [
    ["evicts nothing before the first sample", NO_PRESSURE_SAMPLES, false],
    ["evicts nothing at normal or warning", pressureAfter("normal", "warning", "warning"), false],
    ["evicts nothing after one critical sample", pressureAfter("normal", "critical"), false],
    ["evicts after two critical samples in a row", pressureAfter("normal", "critical", "critical"), true],
    ["evicts nothing once the pressure falls", pressureAfter("critical", "critical", "warning"), false],
    ["LLMKube trap T8: evicts nothing after a failed sample", pressureAfter("critical", "critical", null), false],
    [
      "LLMKube trap T8: a failed sample between two critical ones changes nothing",
      pressureAfter("critical", null, "critical"),
      true,
    ],
  ];
  for (const [what, pressure, evicts] of levels) {
    it(what, () => assert.equal(victimOf(pressure, two) !== undefined, evicts));
  }

  it("starts nothing while memory pressure is critical or unknown", () => {
    assert.equal(pressureWait(NO_PRESSURE_SAMPLES), undefined);
    assert.equal(pressureWait(pressureAfter("normal")), undefined);
    assert.equal(pressureWait(pressureAfter("warning")), undefined);
    assert.match(pressureWait(pressureAfter("critical")) ?? "", /critically short of memory/);
    assert.match(pressureWait(pressureAfter("normal", null)) ?? "", /can be read again/);
  });

  it("LLMKube trap T1: restarts an evicted workload after a cooldown at normal pressure, longer each time", () => {
    const first = evictedAgain(undefined, 1000);
    const normal = (normalSince: number | undefined): Pressure => ({
      ...NO_PRESSURE_SAMPLES,
      level: "normal",
      normalSince,
    });
    assert.equal(cooldownLeftMs(first, normal(undefined), 999_000), Number.POSITIVE_INFINITY);
    assert.equal(cooldownLeftMs(first, normal(5000), 5000), 30_000);
    assert.equal(cooldownLeftMs(first, normal(0), 1000), 30_000);
    assert.equal(cooldownLeftMs(first, normal(5000), 35_000), 0);
    const second = evictedAgain(first, 60_000);
    assert.equal(cooldownLeftMs(second, normal(60_000), 60_000), 60_000);
    const tenth = Array.from({ length: 8 }).reduce<typeof second>((before) => evictedAgain(before, 60_000), second);
    assert.equal(cooldownLeftMs(tenth, normal(60_000), 60_000), 600_000);
    assert.equal(evictedAgain(tenth, 60_000 + 3_600_000).times, 1);
    assert.match(returnMessage(12_300), /restarts in 13 s/);
    assert.match(returnMessage(Number.POSITIVE_INFINITY), /normal for a while/);
  });
});
