import assert from "node:assert/strict";
import {
  type Answering,
  answeredTest,
  answeringSince,
  askOrWait,
  failedTestRequest,
  provedNothing,
  type Shown,
  type Slot,
  suspected,
  withWake,
} from "../../../agent/decisions/answering.ts";

const NOW = 50_000_000;
const MINUTE = 60_000;
const slot = (id: number, task: number | undefined, cachedTokens?: number, processing = false): Slot => {
  return { id, processing, task, cachedTokens };
};

const unused: Answering = { dueAt: NOW, pauseMs: 5 * MINUTE, served: "0:7,1:" };
const of = (part: Partial<Answering>): Answering => ({ ...unused, ...part });

describe("whether a Ready server is asked for a token", () => {
  type Case = readonly [what: string, answering: Answering, slots: Shown, asked: string];
  /** `asked`: the slot; `anywhere`; or in how many minutes it is looked at again. */
  const cases: readonly Case[] = [
    ["unused, with a slot that nobody has used", unused, [slot(0, 7, 900), slot(1, undefined)], "slot 1"],
    [
      "unused, with a slot of an earlier test request",
      of({ served: "0:7,1:9" }),
      [slot(0, 7, 900), slot(1, 9, 2)],
      "slot 1",
    ],
    ["unused, with one slot that holds a test request", of({ served: "0:3" }), [slot(0, 3, 2)], "slot 0"],
    ["unused, with one slot that holds somebody's prompt", of({ served: "0:7" }), [slot(0, 7, 900)], "15 min"],
    ["unused, and it does not say what its slot holds", of({ served: "0:7" }), [slot(0, 7)], "15 min"],
    ["at the first look", of({ served: undefined }), [slot(0, 3, 2)], "5 min"],
    ["used since the last look", unused, [slot(0, 8, 900), slot(1, undefined)], "5 min"],
    ["busy", unused, [slot(0, 7, 900, true), slot(1, undefined)], "5 min"],
    ["which does not show its slots", of({ served: undefined }), undefined, "240 min"],
    ["too busy to show its slots", unused, "silent", "5 min"],
    ["after a wake, too busy to show its slots", of({ suspected: "wake" }), "silent", "0.2 min"],
    ["after errors, too busy to show its slots", of({ suspected: "errors" }), "silent", "anywhere"],
    [
      "after errors, though that costs a prompt: the shorter one",
      of({ suspected: "errors" }),
      [slot(0, 7, 900), slot(1, 8, 90)],
      "slot 1",
    ],
    [
      "after errors, with work in one slot",
      of({ suspected: "errors" }),
      [slot(0, 7, 9, true), slot(1, 8, 90)],
      "slot 1",
    ],
    ["after errors, with work in all slots", of({ suspected: "errors" }), [slot(0, 7, 900, true)], "anywhere"],
    ["after errors, which does not show its slots", of({ suspected: "errors" }), undefined, "anywhere"],
    ["after a test request that failed", of({ suspected: "failing" }), [slot(0, 7, 0)], "slot 0"],
    ["after a wake", of({ suspected: "wake" }), [slot(0, 7, 900), slot(1, undefined)], "slot 1"],
    ["after a wake, though that costs a prompt", of({ suspected: "wake" }), [slot(0, 7, 900)], "slot 0"],
    ["after a wake, still at work on an answer", of({ suspected: "wake" }), [slot(0, 7, 900, true)], "0.2 min"],
    ["after a wake, which does not show its slots", of({ suspected: "wake" }), undefined, "anywhere"],
  ];
  for (const [what, answering, slots, asked] of cases) {
    it(`${what}: ${asked}`, () => {
      const next = askOrWait(answering, slots, true, NOW);
      if (next.kind === "ask") assert.equal(next.slot === undefined ? "anywhere" : `slot ${next.slot}`, asked);
      else assert.equal(`${Math.round((next.answering.dueAt - NOW) / 6000) / 10} min`, asked);
    });
  }

  it("is asked anywhere in a mode that keeps no prompts", () => {
    const next = askOrWait(of({ served: "0:7" }), [slot(0, 7, 900)], false, NOW);
    assert.deepEqual(next, { kind: "ask", slot: undefined });
  });

  it("is asked less and less while nobody uses it, and soon again once somebody has", () => {
    const minutes: number[] = [];
    let answering = answeringSince(NOW);
    let task = 0;
    for (let looks = 0; looks < 8; looks += 1) {
      const now = answering.dueAt;
      const next = askOrWait(answering, [slot(0, task, 2)], true, now);
      if (next.kind === "ask") task += 1;
      answering = next.kind === "ask" ? answeredTest(answering, [slot(0, task, 2)], now) : next.answering;
      minutes.push((answering.dueAt - now) / MINUTE);
    }
    assert.deepEqual(minutes, [5, 15, 45, 135, 240, 240, 240, 240]);
    const used = askOrWait(answering, [slot(0, 99, 2)], true, NOW);
    assert.equal(used.kind === "wait" && used.answering.dueAt, NOW + 5 * MINUTE);
  });

  it("is asked again five seconds after it failed, and left alone again after it has answered", () => {
    const failed = failedTestRequest(unused, NOW);
    assert.deepEqual([failed.suspected, failed.dueAt], ["failing", NOW + 5000]);
    const well = answeredTest(failed, [slot(0, 8, 2)], NOW);
    assert.deepEqual([well.suspected, well.dueAt, well.served], [undefined, NOW + 15 * MINUTE, "0:8"]);
  });

  it("is asked again soon where the last request proved nothing, if there is a sign of a fault", () => {
    assert.equal(provedNothing(of({ suspected: "wake" }), NOW).dueAt, NOW + 10_000);
    assert.equal(provedNothing(unused, NOW).dueAt, NOW + 5 * MINUTE);
  });

  it("is asked at once after errors and after a wake, once for each wake, and not for one before it was Ready", () => {
    const later = of({ dueAt: NOW + 5 * MINUTE });
    assert.deepEqual(
      [suspected(later, "errors", NOW).suspected, suspected(later, "errors", NOW).dueAt],
      ["errors", NOW],
    );
    const woken = withWake(later, NOW - 1, NOW - 2, NOW);
    assert.deepEqual([woken.suspected, woken.dueAt], ["wake", NOW]);
    const well = answeredTest(woken, undefined, NOW);
    assert.equal(withWake(well, NOW - 1, NOW - 2, NOW), well);
    assert.equal(withWake(later, NOW - 2, NOW - 1, NOW).suspected, undefined);
    assert.equal(withWake(later, undefined, 0, NOW), later);
    // The pace of test requests that fail is theirs.
    const failing = failedTestRequest(later, NOW);
    assert.equal(suspected(failing, "errors", NOW + 1), failing);
  });
});
