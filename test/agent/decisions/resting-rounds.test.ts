import assert from "node:assert/strict";
import { type Outcome, type Played, play } from "./resting-rounds.ts";

const GIB = 2 ** 30;
const MINUTE = 60_000;
const MINUTES = 10;
const SEEDS = [1, 2, 3, 4, 5];

/** A linear congruential generator: the same numbers from 0 to 1 for the same seed. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** A model of 6 GiB that two clients ask all the time. */
function model(name: string, part: Partial<Played> = {}): Played {
  return { name, chargeBytes: 6 * GIB, clients: 2, pauseMs: 300, ...part };
}

function outcomeOf(outcomes: ReadonlyMap<string, Outcome>, name: string): Outcome {
  const outcome = outcomes.get(name);
  assert(outcome !== undefined);
  return outcome;
}

/** The most loads in any minute. */
function mostLoads(outcomes: ReadonlyMap<string, Outcome>): number {
  const loads = [...outcomes.values()].flatMap((outcome) => outcome.loads);
  return Math.max(...loads.map((from) => loads.filter((at) => at >= from && at < from + MINUTE).length));
}

describe("models that take turns, in ten simulated minutes", () => {
  for (const seed of SEEDS) {
    it(`serves two that cannot live together alike, with at most two swaps a minute (seed ${seed})`, () => {
      const outcomes = play([model("a"), model("b")], 10 * GIB, MINUTES, randomFrom(seed));
      const [a, b] = [outcomeOf(outcomes, "a"), outcomeOf(outcomes, "b")];
      assert.ok(
        Math.min(a.answered, b.answered) > 0.7 * Math.max(a.answered, b.answered),
        `${a.answered}, ${b.answered}`,
      );
      // The turn of the other, what it still answers, its stop, and a load, of both.
      assert.ok(Math.max(a.longestWaitMs, b.longestWaitMs) < MINUTE);
      assert.ok(mostLoads(outcomes) <= 2, `${mostLoads(outcomes)} loads in a minute`);
      assert.ok(a.loads.length + b.loads.length > MINUTES, "they do take turns");
    });

    it(`serves three for which there is one place (seed ${seed})`, () => {
      const outcomes = play([model("a"), model("b"), model("c")], 10 * GIB, MINUTES, randomFrom(seed));
      for (const { answered, longestWaitMs } of outcomes.values()) {
        assert.ok(answered > 50, `${answered} answers`);
        assert.ok(longestWaitMs < 2 * MINUTE, `one waited ${longestWaitMs} ms`);
      }
      assert.ok(mostLoads(outcomes) <= 2);
    });

    it(`keeps a favourite beside two that are asked for now and then (seed ${seed})`, () => {
      const seldom = { clients: 1, pauseMs: 40_000, idleUnloadMs: 5 * MINUTE };
      const models = [model("favourite"), model("b", seldom), model("c", seldom)];
      const outcomes = play(models, 14 * GIB, MINUTES, randomFrom(seed));
      const favourite = outcomeOf(outcomes, "favourite");
      for (const name of ["b", "c"]) {
        const { answered, longestWaitMs } = outcomeOf(outcomes, name);
        assert.ok(answered > 5, `${name} has ${answered} answers`);
        assert.ok(favourite.answered > 5 * answered);
        assert.ok(longestWaitMs < MINUTE, `${name} waited ${longestWaitMs} ms`);
      }
      // Those that are idle make room for each other: nobody takes the place of the one that is always used.
      assert.equal(favourite.loads.length, 1);
    });
  }
});
