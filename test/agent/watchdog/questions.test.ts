import assert from "node:assert/strict";
import { openQuestions, type Questions } from "../../../agent/watchdog/questions.ts";

describe("the questions of the main part to its watchdog", () => {
  const PATIENCE_MS = 5000;
  let now = 0;
  let asked: number[] = [];
  let questions: Questions;
  beforeEach(() => {
    now = 0;
    asked = [];
    questions = openQuestions(
      (question) => asked.push(question),
      () => now,
      PATIENCE_MS,
    );
  });

  it("are asked once for each process, and settled by an answer to them or to a later one", () => {
    assert.deepEqual([questions.settled(11), questions.settled(12)], [false, false]);
    assert.deepEqual([questions.settled(11), questions.settled(12)], [false, false]);
    assert.deepEqual(asked, [1, 2]);
    assert.equal(questions.answer(1), true);
    assert.equal(questions.answer(1), false);
    assert.deepEqual([questions.settled(11), questions.settled(12)], [true, false]);
    questions.answer(2);
    assert.equal(questions.settled(12), true);
  });

  it("are not settled by a report that was under way before they were heard", () => {
    questions.answer(0);
    assert.equal(questions.settled(11), false);
    assert.equal(questions.answer(0), false);
    assert.equal(questions.settled(11), false);
  });

  it("are waited for no longer than the patience lasts", () => {
    questions.settled(11);
    now = PATIENCE_MS;
    assert.equal(questions.settled(11), false);
    now += 1;
    assert.equal(questions.settled(11), true);
  });

  it("are asked anew of the next watchdog", () => {
    questions.settled(11);
    questions.forget();
    assert.equal(questions.settled(11), false);
    assert.deepEqual(asked, [1, 2]);
  });
});
