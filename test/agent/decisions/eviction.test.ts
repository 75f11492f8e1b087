import assert from "node:assert/strict";
import {
  cooldownLeftMs,
  type Evictable,
  evictedAgain,
  returnMessage,
  victimOf,
} from "../../../agent/decisions/eviction.ts";
import {
  type Pressure,
  type PressureLevel,
  pressed,
  pressureWait,
  UNPRESSED,
} from "../../../agent/decisions/pressure.ts";
import { workloadId } from "../../../agent/workload/workload-id.ts";

const GIB = 2 ** 30;

function holder(name: string, part: Partial<Evictable> = {}): Evictable {
  const plain = { priority: 2, protected: false, chargeBytes: GIB, budgetBytes: 8 * GIB, startedAt: 0, leaving: false };
  return { id: workloadId(name), ...plain, ...part };
}

function pressureAfter(...samples: readonly (PressureLevel | null)[]): Pressure {
  return samples.reduce((pressure, sample, index) => pressed(pressure, sample, index * 1000), UNPRESSED);
}

const critical = pressureAfter("critical", "critical");

describe("eviction under pressure of the machine", () => {
  const orders: readonly (readonly [what: string, holders: readonly Evictable[], victim: string | undefined])[] = [
    ["the lowest priority first", [holder("a", { chargeBytes: 4 * GIB }), holder("b", { priority: 1 })], "b"],
    [
      "then the one furthest over its budget",
      [holder("a", { chargeBytes: 4 * GIB }), holder("b", { budgetBytes: 1 })],
      "b",
    ],
    ["then the largest", [holder("a"), holder("b", { chargeBytes: 2 * GIB })], "b"],
    ["then the oldest", [holder("a", { startedAt: 2 }), holder("b", { startedAt: 1 })], "b"],
    ["never a protected one", [holder("a", { protected: true, priority: 0 }), holder("b")], "b"],
    ["nobody where all are protected", [holder("a", { protected: true }), holder("b", { protected: true })], undefined],
    ["never the last one (LLMKube#383)", [holder("a")], undefined],
    ["nobody while one is on its way out", [holder("a", { leaving: true }), holder("b"), holder("c")], undefined],
    ["none below the guard", [holder("a", { chargeBytes: 7 * 2 ** 20, priority: 0 }), holder("b")], "b"],
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
    ["nobody before the first sample", UNPRESSED, false],
    ["nobody at normal or warning", pressureAfter("normal", "warning", "warning"), false],
    ["nobody on one critical sample", pressureAfter("normal", "critical"), false],
    ["somebody on two in a row", pressureAfter("normal", "critical", "critical"), true],
    ["nobody once it is better", pressureAfter("critical", "critical", "warning"), false],
    ["LLMKube trap T8: nobody on a sample that could not be read", pressureAfter("critical", "critical", null), false],
    ["LLMKube trap T8: a missing sample is no calm and no danger", pressureAfter("critical", null, "critical"), true],
  ];
  for (const [what, pressure, evicts] of levels) {
    it(what, () => assert.equal(victimOf(pressure, two) !== undefined, evicts));
  }

  it("lets nobody new in while memory is critically short or unknown", () => {
    assert.equal(pressureWait(UNPRESSED), undefined);
    assert.equal(pressureWait(pressureAfter("normal")), undefined);
    assert.equal(pressureWait(pressureAfter("warning")), undefined);
    assert.match(pressureWait(pressureAfter("critical")) ?? "", /critically short of memory/);
    assert.match(pressureWait(pressureAfter("normal", null)) ?? "", /can be read again/);
  });

  it("LLMKube trap T1: comes back when the pressure has been normal for a while, later each time", () => {
    const first = evictedAgain(undefined, 1000);
    const calm = (normalSince: number | undefined): Pressure => ({ ...UNPRESSED, level: "normal", normalSince });
    assert.equal(cooldownLeftMs(first, calm(undefined), 999_000), Number.POSITIVE_INFINITY);
    assert.equal(cooldownLeftMs(first, calm(5000), 5000), 30_000);
    assert.equal(cooldownLeftMs(first, calm(0), 1000), 30_000);
    assert.equal(cooldownLeftMs(first, calm(5000), 35_000), 0);
    const second = evictedAgain(first, 60_000);
    assert.equal(cooldownLeftMs(second, calm(60_000), 60_000), 60_000);
    const tenth = Array.from({ length: 8 }).reduce<typeof second>((before) => evictedAgain(before, 60_000), second);
    assert.equal(cooldownLeftMs(tenth, calm(60_000), 60_000), 600_000);
    assert.equal(evictedAgain(tenth, 60_000 + 3_600_000).times, 1);
    assert.match(returnMessage(12_300), /back in 13 s/);
    assert.match(returnMessage(Number.POSITIVE_INFINITY), /normal for a while/);
  });
});
