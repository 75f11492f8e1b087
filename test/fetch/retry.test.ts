import assert from "node:assert/strict";
import { TransientRefusal } from "../../fetch/refusal.ts";
import { retrying } from "../../fetch/retry.ts";

describe("tries within one download", () => {
  const triesOf = async (refusal: TransientRefusal) => {
    let tries = 0;
    const attempt = () => {
      tries += 1;
      return Promise.reject(refusal);
    };
    const options = { signal: new AbortController().signal, retries: 3, backOff: { firstMs: 1, longestMs: 2 } };
    await assert.rejects(retrying(attempt, { ...options, patienceMs: () => 60_000 }), refusal);
    return tries;
  };

  it("are one where a server has had enough and does not say for how long: the next is left to who backs off", async () => {
    assert.equal(await triesOf(new TransientRefusal("hub answers 429", "throttled")), 1);
  });

  it("are more where it says for how long, and where it is merely busy", async () => {
    assert.equal(await triesOf(new TransientRefusal("hub answers 429", "throttled", 1)), 4);
    assert.equal(await triesOf(new TransientRefusal("hub answers 503")), 4);
  });
});
